import { Client, type Notification } from 'pg';
import { must } from '../support/api';
import { eventually } from '../support/eventually';
import { SqlClient, sqlClientCommand } from '../support/sql-client';
import { World } from '../support/world';

const DENIED = { code: '42501' };

let world: World;
let a: SqlClient;
let b: SqlClient;

beforeAll(async () => {
  world = await World.create();
  await world.tenant('tenant-a');
  await world.tenant('tenant-b');
  a = await SqlClient.create(world, 'tenant-a');
  b = await SqlClient.create(world, 'tenant-b');
});

afterAll(async () => {
  await a.dispose();
  await b.dispose();
  await world.dispose();
});

/** A login of the server that is no client; gone when `work` has ended. */
async function withLogin(
  attributes: string,
  work: (login: string, session: Client) => Promise<void>,
): Promise<void> {
  const login = `stranger_${world.database.name}`;
  await world.rows(`CREATE ROLE ${login} LOGIN PASSWORD 'test' ${attributes}`);
  const url = new URL(world.database.url);
  Object.assign(url, { username: login, password: 'test' });
  const session = new Client({ connectionString: url.href });
  try {
    await session.connect();
    await work(login, session);
  } finally {
    await session.end();
    await world.rows(`DROP OWNED BY ${login}`);
    await world.rows(`DROP ROLE ${login}`);
    await world.rows('DELETE FROM sql_clients WHERE login = $1', [login]);
  }
}

const owners = (id: string): Promise<{ tenant_id: string; login: string }[]> =>
  world.rows('SELECT tenant_id, login FROM sql_requests WHERE distribution_id = $1', [id]);

describe('a client of SQL', () => {
  it('that listens to what processes tell each other learns of no lane and no tenant', async () => {
    const heard = { distribution_queue: [] as string[], configuration_changed: [] as string[] };
    const listener = ({ channel, payload = '' }: Notification): void => {
      heard[channel as keyof typeof heard].push(payload);
    };
    b.session.on('notification', listener);
    await b.query('LISTEN distribution_queue');
    await b.query('LISTEN configuration_changed');
    const { api } = await world.tenant('overheard');
    await api.register('archive', { endpoint: world.receiver.url });
    const actions = { exclude_destinations: ['elsewhere'] };
    const rule = { name: 'r', rule_type: 'filtering', conditions: {}, actions };
    must(await api.json('POST', '/api/v1/rules', rule), 201);
    await api.accepted({ destinations: ['archive'] });
    await eventually({ until: 'hints on both channels' }, async () => {
      // A session that is idle hears nothing before it is asked.
      await b.query('SELECT');
      for (const hints of Object.values(heard)) expect(hints.length).toBeGreaterThan(0);
    });
    await b.query('UNLISTEN *');
    b.session.off('notification', listener);
    expect(
      heard.distribution_queue.filter((hint) => !/^(sql_requests|[0-9a-f-]{36} v1\.\S+)$/.test(hint)),
    ).toEqual([]);
    expect(heard.configuration_changed.filter((hint) => !hint.startsWith('v1.'))).toEqual([]);
    expect(Object.values(heard).flat().join()).not.toContain('overheard');
  });

  it('submits for the tenant of its login, named or not, and for no other', async () => {
    await a.submit({ id: 'own', tenant: 'tenant-a' });
    await a.submit({ id: 'unnamed', tenant: null });
    for (const id of ['own', 'unnamed']) {
      expect(await owners(id)).toEqual([{ tenant_id: 'tenant-a', login: a.login }]);
    }
    await expect(a.submit({ id: 'foreign', tenant: 'tenant-b' })).rejects.toMatchObject({
      ...DENIED,
      message: `p_tenant_id: the login "${a.login}" belongs to the tenant "tenant-a"`,
    });
    expect(await owners('foreign')).toEqual([]);
  });

  it('is who logged in, whatever its session says', async () => {
    for (const sql of [
      `SET app.tenant_id = 'tenant-b'`,
      `SELECT set_config('app.tenant_id', 'tenant-b', false)`,
      'SET ROLE distributor_sql',
    ]) {
      await a.query(sql);
      await a.submit({ id: `after ${sql}` });
      expect(await owners(`after ${sql}`)).toEqual([{ tenant_id: 'tenant-a', login: a.login }]);
      await a.query('RESET ALL');
      await a.query('RESET ROLE');
    }
    // It turns a silent filter into an error, for the procedures too.
    await a.query('SET row_security = off');
    await expect(a.submit({ id: 'unfiltered' })).rejects.toMatchObject(DENIED);
    await a.query('RESET row_security');
    for (const sql of [
      `SET SESSION AUTHORIZATION "${b.login}"`,
      `SET ROLE "${b.login}"`,
      'SET ROLE distributor_app',
      'SET ROLE distributor_owner',
      'SET ROLE distributor_system',
    ]) {
      await expect(a.query(sql)).rejects.toMatchObject(DENIED);
    }
  });

  it('cannot put its own tables and functions in the place of those that the procedures use', async () => {
    await a.query(
      `CREATE TEMP TABLE sql_clients AS SELECT session_user AS login, 'tenant-b'::varchar AS tenant_id`,
    );
    await a.query(
      'CREATE TEMP TABLE sql_requests (tenant_id text, login text, action text, distribution_id text, content jsonb)',
    );
    await a.query(
      `CREATE FUNCTION pg_temp.tenant_of_login() RETURNS varchar LANGUAGE sql AS $$ SELECT 'tenant-b'::varchar $$`,
    );
    await a.query(
      `CREATE FUNCTION pg_temp.gen_random_uuid() RETURNS uuid LANGUAGE sql AS $$ SELECT NULL::uuid $$`,
    );
    await a.query('SET search_path = pg_temp, public');
    try {
      await a.submit({ id: 'hijack' });
      expect(await owners('hijack')).toEqual([{ tenant_id: 'tenant-a', login: a.login }]);
    } finally {
      await a.query('RESET search_path');
      await a.query('DISCARD TEMP');
    }
    await expect(a.query('CREATE TABLE public.mine (id int)')).rejects.toMatchObject(DENIED);
  });

  it('reads its own requests, without their order among others, and nothing else', async () => {
    await a.submit({ id: 'mine' });
    await b.submit({ id: 'theirs' });
    const seen = await a.query<{ login: string }>('SELECT DISTINCT login FROM sql_requests');
    expect(seen).toEqual([{ login: a.login }]);
    expect(await a.query('SELECT login, tenant_id FROM sql_clients')).toEqual([
      { login: a.login, tenant_id: 'tenant-a' },
    ]);
    for (const column of ['id', 'content']) {
      await expect(a.query(`SELECT ${column} FROM sql_requests`)).rejects.toMatchObject(DENIED);
    }
    const tables = await world.rows<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
       AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relname NOT IN ('sql_requests', 'sql_clients')`,
    );
    expect(tables.length).toBeGreaterThan(30);
    for (const { name } of tables) {
      await expect(a.query(`SELECT * FROM "${name}"`)).rejects.toMatchObject(DENIED);
    }
  });

  it('writes nothing but by the procedures, and calls no other routine that has more rights', async () => {
    for (const sql of [
      `INSERT INTO sql_requests (tenant_id, login, action, distribution_id) VALUES ('tenant-b', 'x', 'submit', 'x')`,
      `UPDATE sql_requests SET status = 'pending'`,
      'DELETE FROM sql_requests',
      `INSERT INTO sql_clients (login, tenant_id) VALUES ('${a.login}', 'tenant-b')`,
      `UPDATE sql_clients SET tenant_id = 'tenant-b'`,
      `CALL leave_sql_request('submit', 'x', '{}')`,
      'SELECT tenant_of_login()',
      'SELECT create_month_partitions(now(), 1)',
      'SELECT drop_month_partitions(now())',
      'ALTER PROCEDURE submit_distribution SECURITY INVOKER',
      'DROP PROCEDURE submit_distribution',
    ]) {
      await expect(a.query(sql)).rejects.toMatchObject(DENIED);
    }
  });

  it('cancels jobs of its own tenant only', async () => {
    await a.submit({ id: 'a-job', more: { p_expires_at: null } });
    await b.cancel('a-job');
    await eventually({ until: 'the rejection' }, async () => {
      const rows = await b.requests('a-job');
      expect(rows).toMatchObject([{ action: 'cancel', status: 'rejected', error_code: 'NOT_FOUND' }]);
    });
  });

  it('is told what is wrong with the call itself at once', async () => {
    await expect(a.submit({ id: 'x'.repeat(101) })).rejects.toMatchObject({
      code: '22023',
      message: 'p_distribution_id: must have at most 100 characters',
    });
    await expect(a.cancel(null)).rejects.toMatchObject({
      code: '22023',
      message: 'p_distribution_id: is required',
    });
  });
});

describe('a login that is no client', () => {
  it('may not call the procedures', () =>
    withLogin('', async (_login, session) => {
      await expect(
        session.query(`CALL submit_distribution(NULL, 'x', 'report', '{}', '[]')`),
      ).rejects.toMatchObject(DENIED);
    }));

  it('may not call them either when it is only a member of the role', () =>
    withLogin('', async (login, session) => {
      await world.rows(`GRANT distributor_sql TO ${login}`);
      const call = session.query(`CALL submit_distribution('tenant-a', 'x', 'report', '{}', '[]')`);
      await expect(call).rejects.toMatchObject({
        ...DENIED,
        message: `the login "${login}" is not a client of Distributor`,
        hint: expect.stringContaining('npm run sql-client') as string,
      });
    }));

  it('is made one, listed and taken back by a command, and the audit log says so', () =>
    withLogin('', async (login, session) => {
      const call = () =>
        session.query(`CALL submit_distribution('tenant-b', 'by-hand', 'report', '{}', '[]')`);
      const made = await sqlClientCommand(world, 'create', login, '--tenant', 'tenant-b');
      expect(made).toEqual({ code: 0, output: `${login} submits for the tenant tenant-b\n` });
      await call();
      expect(await owners('by-hand')).toEqual([{ tenant_id: 'tenant-b', login }]);
      expect((await sqlClientCommand(world, 'list')).output).toContain(`${login}  tenant-b`);
      const again = await sqlClientCommand(world, 'create', login, '--tenant', 'tenant-a');
      expect(again).toMatchObject({ code: 1, output: expect.stringContaining('remove it first') as string });
      expect((await sqlClientCommand(world, 'remove', login)).code).toBe(0);
      await expect(call()).rejects.toMatchObject(DENIED);
      expect((await sqlClientCommand(world, 'create', login, '--tenant', 'tenant-a')).code).toBe(0);
      expect((await session.query('SELECT FROM sql_requests')).rowCount).toBe(0);
      const entries = await world.rows<{ action: string; tenant_id: string }>(
        `SELECT action, tenant_id FROM audit_log WHERE resource_type = 'sql_client' AND resource_id = $1 ORDER BY created_at`,
        [login],
      );
      expect(entries.map(({ action, tenant_id }) => `${action} ${tenant_id}`)).toEqual([
        'create tenant-b',
        'delete tenant-b',
        'create tenant-a',
      ]);
    }));

  it.each(['BYPASSRLS', 'SUPERUSER', 'CREATEROLE', 'IN ROLE distributor_app'])(
    'cannot be made one with %s',
    (attribute) =>
      withLogin(attribute, async (login) => {
        const { code, output } = await sqlClientCommand(world, 'create', login, '--tenant', 'tenant-a');
        expect(code).toBe(1);
        expect(output).toContain(`${login} cannot be a SQL client`);
        expect(await world.count('FROM sql_clients WHERE login = $1', [login])).toBe(0);
      }),
  );

  it('is not made for an unknown tenant, and no role is left behind', async () => {
    const login = `nobody_${world.database.name}`;
    const { code, output } = await sqlClientCommand(world, 'create', login, '--tenant', 'tenant-x');
    expect({ code, output }).toMatchObject({
      code: 1,
      output: expect.stringContaining('tenant-x was not found') as string,
    });
    expect(await world.count('FROM pg_roles WHERE rolname = $1', [login])).toBe(0);
  });
});
