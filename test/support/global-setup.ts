import { findPostgres } from './find-postgres';
import { type Running } from './parent-bound';

declare global {
  /** Kept for ./global-teardown, which Jest runs in the same process. */
  var testPostgres: Running | undefined;
}

/** Runs before each project that needs servers: the first one finds them, the workers inherit the environment. */
export default async function globalSetup(): Promise<void> {
  globalThis.testPostgres ??= await findPostgres();
  process.env.TEST_POSTGRES_URL = globalThis.testPostgres.url;
}
