import { Client } from 'pg';
import { type Image, messageOf, startContainer } from './container';
import { type Running } from './parent-bound';
import { startPostgres18 } from './postgres';
import { firstOf } from './shared-servers';

const LOCAL = 'postgres://postgres@127.0.0.1:5432/postgres';
const OLDEST = 150_000;
const IMAGE: Image = {
  name: 'postgres:15-alpine',
  port: 5432,
  environment: { POSTGRES_PASSWORD: 'test' },
  // The image starts its server twice, the first time for its own set-up.
  ready: [/database system is ready to accept connections/, 2],
};

/**
 * A PostgreSQL for a test run: TEST_DATABASE_URL, else the one on the standard local port, else a container, else the
 * embedded one. Throws what was tried, why it failed and how to get one.
 */
export async function findPostgres(): Promise<Running> {
  const given = process.env.TEST_DATABASE_URL;
  if (given) return explicit(given);
  try {
    return await firstOf([
      ['127.0.0.1:5432 as user postgres', async () => usable(LOCAL)],
      ['Docker', () => startContainer(IMAGE, (address) => `postgres://postgres:test@${address}/postgres`)],
      ['embedded PostgreSQL', startPostgres18],
    ]);
  } catch (error) {
    throw new Error(`No PostgreSQL for the tests.\n  ${messageOf(error)}\n${REMEDY}`, { cause: error });
  }
}

const REMEDY =
  'Set TEST_DATABASE_URL=postgres://user:password@host:port/postgres to a PostgreSQL 15 or newer whose user may create ' +
  'roles and databases, or run "npm ci" without --omit=optional so that the embedded one is there.';

/** What was asked for by name is never replaced by something else. */
async function explicit(url: string): Promise<Running> {
  try {
    return await usable(url);
  } catch (error) {
    throw new Error(`TEST_DATABASE_URL cannot be used (${messageOf(error)}). ${REMEDY}`, { cause: error });
  }
}

/** The server as it is, when its version and the rights of the user suffice. */
async function usable(url: string): Promise<Running> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number; enough: boolean }>(
      `SELECT current_setting('server_version_num')::int AS version,
              rolsuper OR (rolcreaterole AND rolcreatedb) AS enough
         FROM pg_roles WHERE rolname = current_user`,
    );
    const found = rows[0];
    if (!found?.enough) throw new Error('the user may not create roles and databases');
    if (found.version < OLDEST) throw new Error('the server is older than PostgreSQL 15');
  } finally {
    await client.end().catch(() => undefined);
  }
  return { url, stop: async () => undefined };
}
