import './global-setup';

/** Stops what ./global-setup and the tests started; a server that was there before is left alone. */
export default async function globalTeardown(): Promise<void> {
  const servers = globalThis.testServers;
  globalThis.testServers = undefined;
  delete process.env.TEST_POSTGRES_URL;
  delete process.env.TEST_SERVERS_URL;
  await Promise.all([servers?.postgres.stop(), servers?.shared.stop()]);
}
