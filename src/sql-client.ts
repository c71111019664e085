import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { DataSource } from 'typeorm';
import { runCommand, type CommandSurroundings } from './app/command';
import { sourceOptions } from './app/database.module';
import { makeClientLogin, revokeClientLogin } from './database/client-logins';
import { TenantTransaction } from './database/tenant-transaction';
import { isTenantId, type TenantId } from './kernel/ids';
import { SqlClients } from './tenants/sql-clients';

const USAGE = `usage: npm run sql-client -- create <login> --tenant <tenant>
       npm run sql-client -- remove <login>
       npm run sql-client -- list`;

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

const LIST = {
  name: 'sql_clients',
  text: `SELECT login::text, tenant_id, created_at FROM sql_clients ORDER BY login`,
};
type Client = { login: string; tenant_id: TenantId; created_at: Date };

/** Logins of the database that may submit by SQL, each for one tenant (docs/sql-intake.md). */
runCommand('sql-client', async (around) => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { tenant: { type: 'string' } },
  });
  const [verb, login, ...rest] = positionals;
  const clients = await around.system.query<Client>(LIST, []);
  if (verb === 'list' && login === undefined) {
    for (const client of clients) {
      say(`${client.login}  ${client.tenant_id}  since ${client.created_at.toISOString()}`);
    }
    return true;
  }
  if (login === undefined || rest.length > 0) throw new Error(USAGE);
  if (verb === 'create') return create(around, login, values.tenant);
  if (verb !== 'remove') throw new Error(USAGE);
  const known = clients.find((client) => client.login === login);
  if (known === undefined)
    throw new Error(`no SQL client has the login ${login}; see: npm run sql-client -- list`);
  await withClients(around, (bound) => bound.remove(known.tenant_id, login));
  await revokeClientLogin(around.ownerUrl, login);
  say(`${login} submits for nobody any more; where nothing else needs the login: DROP ROLE`);
  return true;
});

async function create(
  around: CommandSurroundings,
  login: string,
  tenant: string | undefined,
): Promise<boolean> {
  if (tenant === undefined || !isTenantId(tenant)) throw new Error(`--tenant must name a tenant\n${USAGE}`);
  const password = randomBytes(24).toString('base64url');
  const bind = (): Promise<void> => withClients(around, (bound) => bound.add(tenant, login));
  const made = await makeClientLogin(around.ownerUrl, login, password, bind);
  say(`${login} submits for the tenant ${tenant}`);
  if (made) say(`its password, shown this once: ${password}`);
  return true;
}

async function withClients(
  { sessions }: CommandSurroundings,
  work: (clients: SqlClients) => Promise<void>,
): Promise<void> {
  const source = await new DataSource(sourceOptions('sql-client', sessions.app, 2)).initialize();
  try {
    await work(new SqlClients(new TenantTransaction(source), 'command:sql-client'));
  } finally {
    await source.destroy();
  }
}
