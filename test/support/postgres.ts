import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { startHelper } from './helper-process';
import { type Running } from './parent-bound';
import { temporaryDirectory } from './temporary-directory';

export interface TestDatabase {
  url: string;
  name: string;
  /** Ends the sessions that are still open on it; idempotent. */
  drop(): Promise<void>;
}

/** The server of this test run, as a user who may create roles and databases; found by ./global-setup. */
export function adminUrl(): string {
  const url = process.env.TEST_POSTGRES_URL;
  if (url) return url;
  throw new Error('TEST_POSTGRES_URL is not set: this test needs the globalSetup of jest.config.js');
}

/** An empty database of its own for a test file; roles, however, are shared by all databases of a server. */
export async function createDatabase(admin: string = adminUrl()): Promise<TestDatabase> {
  const name = `distributor_test_${randomBytes(8).toString('hex')}`;
  await runOn(admin, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, name, drop: () => runOn(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/**
 * A PostgreSQL 18 for tests that hold on both ends of the supported range: TEST_POSTGRES_18_URL, or an embedded one
 * that nobody else uses, in about a second. Call `stop` at the end; an interrupted run stops it by itself.
 */
export async function startPostgres18(): Promise<Running> {
  const given = process.env.TEST_POSTGRES_18_URL;
  if (given) return { url: given, stop: async () => undefined };
  return startHelper('embedded-service.ts', await temporaryDirectory('postgres'), '--temporary');
}

async function runOn(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
