import { Client, type QueryResultRow } from 'pg';
import { sessionUrls } from '../../src/database/roles';
import { must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { TestService } from '../support/service';
import { World } from '../support/world';

/** Stands in everything of the other tenant that has a name. */
const MARK = 'belongs-to-b';

interface Things {
  tenant: TestTenant;
  ids: Record<
    | 'distribution_id'
    | 'batch_id'
    | 'destination'
    | 'key'
    | 'secret'
    | 'rule'
    | 'data_type'
    | 'transform'
    | 'user'
    | 'dead_letter_id'
    | 'operation_id',
    string
  >;
}

let world: World;
let a: Things;
let b: Things;
let app: Client;

beforeAll(async () => {
  world = await World.create();
  a = await furnish('tenant-a', 'belongs-to-a');
  b = await furnish('tenant-b', MARK);
  app = new Client({ connectionString: sessionUrls(world.database.url, {}).app });
  await app.connect();
});

afterAll(async () => {
  await app.end();
  await world.dispose();
});

/** A tenant with something in every table that tenants fill. */
async function furnish(id: string, mark: string): Promise<Things> {
  const tenant = await world.tenant(id);
  const { api } = tenant;
  const destination = await api.register(mark, { endpoint: `${world.receiver.url}/${mark}` });
  const ordering = { on_failure: 'block' };
  await api.register(`${mark}-lost`, { endpoint: 'http://127.0.0.1:1/', ordering });
  const job = { data_type: mark, payload: { mark }, callback_url: `${world.receiver.url}/callback` };
  const options = { idempotency_key: `${mark}-key`, max_retries: 0, ordering_key: mark };
  const { body } = must(await api.bulk([{ ...job, destinations: [mark, `${mark}-lost`], options }]), 202);
  const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
  await api.accepted({ ...job, destinations: [mark], options: { deliver_at } });
  const [distributionId = ''] = body.distribution_ids;
  await eventually({ until: 'the job to end' }, async () => {
    expect((await api.status(distributionId)).body.status).toBe('failed');
  });
  const patience = { configuration: { retry_policy: { max_attempts: 2 } } };
  must(await api.json('PATCH', `/api/v1/destinations/${mark}-lost`, patience), 200);
  const rule = { name: mark, rule_type: 'routing', actions: { destinations: [mark] }, enabled: false };
  const made = must(await api.json('POST', '/api/v1/rules', rule), 201);
  must(await api.json('POST', '/api/v1/data-types', { id: mark, name: mark }), 201);
  const transform = { name: mark, engine: 'field_mapping', spec: { mark: 'mark' } };
  must(await api.json('POST', '/api/v1/transforms', transform), 201);
  const user = { username: mark, email: `${mark}@example.org`, password: 'a long password', role: 'viewer' };
  const person = must(await api.json('POST', '/api/v1/users', user), 201);
  const dead = must(await api.deadLetters(), 200).body.dead_letters[0];
  const redrive = { filter: { data_type: `${mark}-none` } };
  const operation = must(await api.json('POST', '/api/v1/dead-letters/redrive', redrive), 202);
  const key = await api.createKey(mark, ['distribution:read']);
  const secrets = await api.get<{ signing_secrets: Reply[] }>('/api/v1/signing-secrets');
  return {
    tenant,
    ids: {
      distribution_id: distributionId,
      batch_id: body.batch_id,
      destination: String(destination['destination_id']),
      key: String(key['id']),
      secret: String(secrets.body.signing_secrets[0]?.['id']),
      rule: String(made.body['rule_id']),
      data_type: mark,
      transform: mark,
      user: String(person.body['id']),
      dead_letter_id: String(dead?.dead_letter_id),
      operation_id: String(operation.body['operation_id']),
    },
  };
}

type Operation = { security?: unknown; requestBody?: unknown };
type Published = { paths: Record<string, Record<string, Operation>> };

async function operations(): Promise<[method: string, path: string][]> {
  const { paths } = (await (await fetch(`${world.service.url}/docs-json`)).json()) as Published;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): [string, string] => [method.toUpperCase(), path]),
  );
}

/** What `{id}` stands for. */
function idIn(path: string): string {
  if (path.includes('/api-keys/')) return b.ids.key;
  if (path.includes('/users/')) return b.ids.user;
  if (path.includes('/rules/')) return b.ids.rule;
  if (path.includes('/data-types/')) return b.ids.data_type;
  return path.includes('/tenants/') ? b.tenant.id : b.ids.secret;
}

/** The path with the other tenant's ids in it; fails for a parameter that this test does not know. */
const foreign = (path: string): string =>
  path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const named: Record<string, string> = {
      ...b.ids,
      id: idIn(path),
    };
    const value = named[name];
    if (value === undefined) throw new Error(`${path}: give this test an id of ${name}`);
    return value;
  });

const DESTINATION = { name: 'stolen', protocol: 'REST', configuration: { endpoint: 'https://example.com/' } };

/** A body that would be accepted if the thing were the caller's own. */
function bodyFor(method: string, path: string): object | undefined {
  if (path.endsWith('/rotate') && path.includes('{')) return { overlap_seconds: 0 };
  if (path.endsWith('/replay')) return {};
  if (method !== 'PUT' && method !== 'PATCH') return undefined;
  if (path.includes('/users/')) return { status: 'disabled' };
  const replaces = method === 'PUT';
  if (path.includes('/rules/')) {
    return { name: 'stolen', ...(replaces ? { rule_type: 'routing', actions: { stop: true } } : {}) };
  }
  if (path.includes('/data-types/')) return { name: 'stolen', ...(replaces ? { id: MARK } : {}) };
  if (path.includes('/transforms/')) {
    return { name: 'stolen', ...(replaces ? { engine: 'field_mapping', spec: { a: 'b' } } : {}) };
  }
  return replaces ? DESTINATION : { status: 'inactive' };
}

describe('an API key', () => {
  it('finds nothing of another tenant at any published endpoint', async () => {
    const found = (await operations()).filter(([, path]) => path.includes('{'));
    expect(found.length).toBeGreaterThan(10);
    for (const [method, path] of found) {
      const body = bodyFor(method, path);
      const answer =
        body === undefined
          ? await a.tenant.api.send(method, foreign(path))
          : await a.tenant.api.json(method, foreign(path), body);
      const expected = path.includes('/tenants/') ? 403 : 404;
      expect({ method, path, status: answer.status }).toEqual({ method, path, status: expected });
    }
    for (const path of [
      '/api/v1/destinations/{destination}',
      '/api/v1/distribution/{distribution_id}/status',
      '/api/v1/rules/{id}',
      '/api/v1/data-types/{id}',
      '/api/v1/transforms/{transform}',
      '/api/v1/users/{id}',
      '/api/v1/dead-letters/{dead_letter_id}',
      '/api/v1/bulk-operations/{operation_id}',
      '/api/v1/distribution/{distribution_id}/callbacks',
      '/api/v1/distribution/batch/{batch_id}/callbacks',
    ]) {
      expect((await b.tenant.api.get(foreign(path))).status).toBe(200);
    }
  });

  it('finds nothing of another tenant by name either', async () => {
    must(await a.tenant.api.get(`/api/v1/destinations/${MARK}`), 404);
    must(await a.tenant.api.submit({ destinations: [MARK] }), 400);
  });

  it('sees no foreign row in any list', async () => {
    const lists = (await operations()).filter(([method, path]) => method === 'GET' && !path.includes('{'));
    for (const [, path] of lists) {
      // Figures of the whole process, for its operator.
      if (path === '/metrics') continue;
      const text = JSON.stringify((await a.tenant.api.get(path)).body);
      for (const secret of [MARK, ...Object.values(b.ids)]) {
        expect({ path, found: text.includes(secret) }).toEqual({ path, found: false });
      }
    }
    const query = `q=${MARK}&data_type=${MARK}`;
    expect(await a.tenant.api.listAll(Object.fromEntries(new URLSearchParams(query)))).toEqual([]);
    expect(await a.tenant.api.listAll({ destination: MARK })).toEqual([]);
  });

  it('may name things as another tenant does', async () => {
    await a.tenant.api.register(MARK, { endpoint: `${world.receiver.url}/mine` });
    must(await a.tenant.api.submit({ distribution_id: b.ids.distribution_id }), 202);
    must(await a.tenant.api.send('DELETE', `/api/v1/destinations/${MARK}`), 204);
  });
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
    ['it has BYPASSRLS', 'BYPASSRLS', ''],
    ['it owns, or is a member of the role that owns', '', 'distributor_owner'],
  ])('refuses a login because %s', async (reason, attribute, group) => {
    const role = `bypass_${world.database.name}`;
    await world.rows(`CREATE ROLE ${role} LOGIN PASSWORD 'test' ${attribute}`);
    try {
      if (group !== '') await world.rows(`GRANT ${group} TO ${role}`);
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
