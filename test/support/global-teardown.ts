import './global-setup';

/** Stops what ./global-setup started; a server that was there before is left alone. */
export default async function globalTeardown(): Promise<void> {
  const postgres = globalThis.testPostgres;
  globalThis.testPostgres = undefined;
  delete process.env.TEST_POSTGRES_URL;
  await postgres?.stop();
}
