import { Client, type QueryResultRow } from 'pg';
import { sessionUrls } from '../../src/database/roles';
import { furnish, type Furnished } from '../support/furnish';
import { TestService } from '../support/service';
import { World } from '../support/world';

let world: World;
let b: Furnished;
let app: Client;

beforeAll(async () => {
  world = await World.create();
  await furnish(world, 'tenant-a', 'belongs-to-a');
  b = await furnish(world, 'tenant-b', 'belongs-to-b');
  app = new Client({ connectionString: sessionUrls(world.database.url, {}).app });
  await app.connect();
});

afterAll(async () => {
  await app.end();
  await world.dispose();
});

/** In one transaction of a tenant's session, as TenantTransaction opens it; undefined sets none. */
async function as<Row extends QueryResultRow>(
  tenantId: string | undefined,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  await app.query('BEGIN');
  try {
    if (tenantId !== undefined) await app.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId]);
    return (await app.query<Row>(sql, values)).rows;
  } finally {
    await app.query('ROLLBACK');
  }
}

const DENIED = { code: '42501' };

/** Tables that a tenant's session may read, with the column that tells whose a row is. */
async function readable(): Promise<{ name: string; column: string }[]> {
  return world.rows(
    `SELECT c.relname AS name, CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END AS column
     FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
       AND has_table_privilege('distributor_app', c.oid, 'SELECT')
       AND (c.relname = 'tenants' OR EXISTS (
         SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped))`,
  );
}

describe("a tenant's session in the database", () => {
  it('sees nothing before it says whose it is, nor after', async () => {
    for (const { name, column } of await readable()) {
      const own = `SELECT FROM ${name} WHERE ${column} IS NOT NULL`;
      expect({ name, rows: (await as(undefined, own)).length }).toEqual({ name, rows: 0 });
      await as('tenant-a', own);
      expect({ name, rows: (await as(undefined, own)).length }).toEqual({ name, rows: 0 });
      expect({ name, rows: (await as('', own)).length }).toEqual({ name, rows: 0 });
    }
  });

  it('sees its own rows and no others', async () => {
    await world.rows('REFRESH MATERIALIZED VIEW distribution_summary_mv');
    await world.rows('REFRESH MATERIALIZED VIEW destination_health_mv');
    const empty: string[] = [];
    for (const { name, column } of await readable()) {
      const whose = `SELECT DISTINCT ${column} AS tenant FROM ${name} WHERE ${column} IS NOT NULL`;
      const tenants = (await as<{ tenant: string }>('tenant-a', whose)).map(({ tenant }) => tenant);
      if (tenants.length === 0) empty.push(name);
      else expect({ name, tenants }).toEqual({ name, tenants: ['tenant-a'] });
    }
    // A lane has a row only while it needs care; everything else has been seen to hold rows of both tenants.
    expect(empty.sort()).toEqual(['lanes']);
  });

  it('cannot read a partition or a roll-up past its policies', async () => {
    const closed = await world.rows<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND (relispartition AND relkind = 'r' OR relkind = 'm')`,
    );
    expect(closed.length).toBeGreaterThan(10);
    for (const { name } of closed) {
      await expect(as('tenant-a', `SELECT FROM ${name}`)).rejects.toMatchObject(DENIED);
    }
  });

  it('cannot write a row of another tenant', async () => {
    const write = (sql: string) => as('tenant-a', sql, [b.tenant.id]);
    await expect(write('UPDATE destinations SET tenant_id = $1')).rejects.toMatchObject(DENIED);
    await expect(write('UPDATE distribution_jobs SET tenant_id = $1')).rejects.toMatchObject(DENIED);
    await expect(
      write(
        `INSERT INTO destinations (id, tenant_id, name, protocol) VALUES (gen_random_uuid(), $1, 'x', 'REST')`,
      ),
    ).rejects.toMatchObject(DENIED);
    await expect(
      write(`INSERT INTO distribution_keys VALUES ($1, 'planted', gen_random_uuid(), NULL)`),
    ).rejects.toMatchObject(DENIED);
    expect(await write('UPDATE destinations SET name = name WHERE tenant_id = $1 RETURNING id')).toEqual([]);
  });

  it('cannot read sessions and failed sign-ins, nor make a platform administrator', async () => {
    await expect(as('tenant-a', 'SELECT FROM user_sessions')).rejects.toMatchObject(DENIED);
    await expect(as('tenant-a', 'SELECT FROM sign_in_failures')).rejects.toMatchObject(DENIED);
    const root = `INSERT INTO users (id, tenant_id, username, password_hash, role, created_by)
      VALUES (gen_random_uuid(), $1, 'root', 'x', 'platform_admin', 'x')`;
    await expect(as('tenant-a', root, [null])).rejects.toMatchObject(DENIED);
    await expect(as('tenant-a', root, ['tenant-a'])).rejects.toMatchObject({ code: '23514' });
    await expect(as('tenant-a', root, ['tenant-b'])).rejects.toMatchObject(DENIED);
  });

  it('cannot hang its rows on those of another tenant', async () => {
    const [job] = await world.rows<{ id: string }>('SELECT id FROM distribution_jobs WHERE tenant_id = $1', [
      b.tenant.id,
    ]);
    const attempt = as(
      'tenant-a',
      `INSERT INTO distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_name, attempt_number)
       VALUES (gen_random_uuid(), 'tenant-a', $1, gen_random_uuid(), 'x', 1)`,
      [job?.id],
    );
    await expect(attempt).rejects.toMatchObject({ code: '23503' });
  });

  it('cannot change or remove what the audit log says, nor can the system', async () => {
    const system = new Client({ connectionString: sessionUrls(world.database.url, {}).system });
    await system.connect();
    for (const sql of [
      `UPDATE audit_log SET actor = 'nobody'`,
      'DELETE FROM audit_log',
      'TRUNCATE audit_log',
    ]) {
      await expect(as('tenant-a', sql)).rejects.toMatchObject(DENIED);
      await expect(system.query(sql)).rejects.toMatchObject(DENIED);
    }
    await system.end();
  });

  it('cannot change its own role, the policies or the partitions', async () => {
    for (const sql of [
      'SET ROLE distributor_system',
      'SET ROLE distributor_owner',
      'ALTER TABLE destinations DISABLE ROW LEVEL SECURITY',
      'DROP POLICY destinations_tenant ON destinations',
      'CREATE TABLE mine (id int)',
      'SELECT create_month_partitions(now(), 1)',
      'SELECT drop_month_partitions(now())',
    ]) {
      await expect(as('tenant-a', sql)).rejects.toMatchObject(DENIED);
    }
    // Allowed by PostgreSQL, and without effect: it only turns a silent filter into an error.
    await expect(as('tenant-a', 'SET LOCAL row_security = off')).resolves.toEqual([]);
  });

  it('reads reports without secrets', async () => {
    const report = (sql: string) =>
      world.rows(`SET LOCAL ROLE distributor_readonly; SET LOCAL app.tenant_id = 'tenant-a'; ${sql}`);
    await expect(report('SELECT configuration FROM destinations')).rejects.toMatchObject(DENIED);
    await expect(report('SELECT FROM api_keys')).rejects.toMatchObject(DENIED);
    await expect(report('SELECT FROM signing_secrets')).rejects.toMatchObject(DENIED);
    await expect(report('SELECT FROM users')).rejects.toMatchObject(DENIED);
    await expect(report('SELECT FROM user_sessions')).rejects.toMatchObject(DENIED);
    await expect(report('DELETE FROM distribution_jobs')).rejects.toMatchObject(DENIED);
  });
});

describe('the start of the service', () => {
  it.each(['DATABASE_APP_URL', 'DATABASE_SYSTEM_URL'])('refuses a superuser in %s', async (variable) => {
    const databaseUrl = world.database.url;
    const { code, words } = await TestService.refusal({ databaseUrl, env: { [variable]: databaseUrl } });
    expect(code).toBe(1);
    expect(words).toContain(new URL(databaseUrl).username);
    expect(words).toContain('it is a superuser');
    expect(words).toContain(variable);
  });

  it.each([
    ['it has BYPASSRLS', (role: string) => `ALTER ROLE ${role} BYPASSRLS`],
    ['it owns, or is a member of the role that owns', (role: string) => `GRANT distributor_owner TO ${role}`],
    ['its sessions begin as a tenant', (role: string) => `ALTER ROLE ${role} SET app.tenant_id = 'tenant-b'`],
  ])('refuses a login because %s', async (reason, change) => {
    const role = `bypass_${world.database.name}`;
    await world.rows(`CREATE ROLE ${role} LOGIN PASSWORD 'test'`);
    try {
      await world.rows(change(role));
      const url = new URL(world.database.url);
      url.username = role;
      url.password = 'test';
      const { code, words } = await TestService.refusal({
        databaseUrl: world.database.url,
        env: { DATABASE_APP_URL: url.href },
      });
      expect(code).toBe(1);
      expect(words).toContain(role);
      expect(words).toContain(reason);
    } finally {
      await world.rows(`DROP ROLE ${role}`);
    }
  });
});
