import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { type Running } from './parent-bound';
import { startPostgres18 } from './postgres';

const LOCAL = 'postgres://postgres@127.0.0.1:5432/postgres';
const OLDEST = 150_000;
const IMAGE = 'postgres:15-alpine';

/**
 * A PostgreSQL for a test run: TEST_DATABASE_URL, else the one on the standard local port, else a container, else the
 * embedded one. Throws what was tried, why it failed and how to get one.
 */
export async function findPostgres(): Promise<Running> {
  const given = process.env.TEST_DATABASE_URL;
  if (given) return explicit(given);
  const tried: string[] = [];
  const attempts: [string, () => Promise<Running>][] = [
    ['127.0.0.1:5432 as user postgres', async () => usable(LOCAL)],
    ['Docker', startContainer],
    ['embedded PostgreSQL', startPostgres18],
  ];
  for (const [name, attempt] of attempts) {
    try {
      return await attempt();
    } catch (error) {
      tried.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new Error(`No PostgreSQL for the tests.\n  ${tried.join('\n  ')}\n${REMEDY}`);
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

async function startContainer(): Promise<Running> {
  if (!process.env.DOCKER_HOST && !existsSync('/var/run/docker.sock'))
    throw new Error('no Docker engine here');
  // Loaded only where it can work: it is slow to load.
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ POSTGRES_PASSWORD: 'test' })
    .withExposedPorts(5432)
    // The image starts its server twice, the first time for its own set-up.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .withStartupTimeout(60_000)
    .start();
  const url = `postgres://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
  return { url, stop: async () => void (await container.stop()) };
}

/** A refused connection to a name with several addresses has its reasons in a list and no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
