import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { assertBoundByPolicies } from '../../src/database/bypass-check';
import { migrate } from '../../src/database/migrate';
import { sessionUrls } from '../../src/database/roles';
import { startPostgres18 } from '../support/postgres';
import { type Running } from '../support/parent-bound';

const PAGE = join(__dirname, '..', '..', 'docs', 'operations.md');

/** The statements that the page gives to an administrator, one by one. */
function statementsOfThePage(): string[] {
  const chapter = readFileSync(PAGE, 'utf8').split('### Preparing the roles by hand')[1] ?? '';
  const sql = /```sql\n([^]*?)```/.exec(chapter)?.[1] ?? '';
  return sql.split(';').filter((statement) => statement.trim() !== '');
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const adminOf = (server: Running): string => new URL('/postgres', server.url).href;

function urlFor(server: Running, user: string, password: string): string {
  const url = new URL(server.url);
  Object.assign(url, { username: user, password, pathname: '/distributor' });
  return url.href;
}

/** A server whose roles nobody else needs: they belong to all of its databases. */
const withServer = async (work: (server: Running) => Promise<void>): Promise<void> => {
  const server = await startPostgres18();
  try {
    await run(adminOf(server), ['DROP DATABASE IF EXISTS distributor']);
    await work(server);
  } finally {
    await server.stop();
  }
};

describe('the roles of the database', () => {
  it('can be prepared by hand, as docs/operations.md says, for a login that may not create roles', () =>
    withServer(async (server) => {
      await run(adminOf(server), statementsOfThePage());
      const owner = urlFor(server, 'distributor_deploy', 'deploy-password');
      const sessions = {
        app: urlFor(server, 'distributor_app', 'app-password'),
        system: urlFor(server, 'distributor_system', 'system-password'),
      };
      expect(await migrate(owner, sessions)).not.toEqual([]);
      expect(await migrate(owner, sessions)).toEqual([]);
      await assertBoundByPolicies(sessions.app, 'DATABASE_APP_URL');
      await assertBoundByPolicies(sessions.system, 'DATABASE_SYSTEM_URL');
    }));

  it('are made by a login with CREATEROLE that is no superuser', () =>
    withServer(async (server) => {
      await run(adminOf(server), [
        `CREATE ROLE creator LOGIN CREATEROLE PASSWORD 'creator-password'`,
        'CREATE DATABASE distributor OWNER creator',
      ]);
      const owner = urlFor(server, 'creator', 'creator-password');
      const sessions = sessionUrls(owner, {});
      expect(await migrate(owner, sessions)).not.toEqual([]);
      await assertBoundByPolicies(sessions.app, 'DATABASE_APP_URL');
      await assertBoundByPolicies(sessions.system, 'DATABASE_SYSTEM_URL');
    }));
});
