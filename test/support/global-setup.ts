import { findPostgres } from './find-postgres';
import { type Running } from './parent-bound';
import { offerSharedServers } from './shared-servers';

declare global {
  /** Kept for ./global-teardown, which Jest runs in the same process. */
  var testServers: { postgres: Running; shared: Running } | undefined;
}

/** Idempotent, since several projects name it; the workers inherit the environment. */
export default async function globalSetup(): Promise<void> {
  globalThis.testServers ??= { postgres: await findPostgres(), shared: await offerSharedServers() };
  process.env.TEST_POSTGRES_URL = globalThis.testServers.postgres.url;
  process.env.TEST_SERVERS_URL = globalThis.testServers.shared.url;
}
