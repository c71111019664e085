import { Client, DatabaseError } from 'pg';
import { migrate } from '../../src/database/migrate';
import { sessionUrls, type SessionUrls } from '../../src/database/roles';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { securityFigure } from '../support/security-figures';

/** Stands in every row of the other tenant, and must come out nowhere. */
const MARK = 'belongs-to-milano';
/** A UUIDv7 of this moment, so that the job has a partition. */
const idNow = (digit: string): string =>
  `${Date.now()
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}-7000-8000-00000000000${digit}`;
const OF_MILANO = idNow('b');

/** Cheap, so that a planner that could would run it first; tells what it is shown. */
const LEAK = `CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
  AS 'BEGIN RAISE NOTICE ''leaked %'', $1; RETURN true; END'`;

let database: TestDatabase;
let sessions: SessionUrls;

beforeAll(async () => {
  database = await createDatabase();
  sessions = sessionUrls(database.url, {});
  await migrate(database.url, sessions);
  const admin = new Client({ connectionString: database.url });
  await admin.connect();
  for (const [tenant, mark, id] of [
    ['roma', 'belongs-to-roma', idNow('a')],
    ['milano', MARK, OF_MILANO],
  ]) {
    await admin.query(`INSERT INTO tenants (id, name) VALUES ($1, $1)`, [tenant]);
    await admin.query(
      `INSERT INTO destinations (id, tenant_id, name, protocol, configuration)
       VALUES ($3, $1, $2, 'REST', jsonb_build_object('endpoint', $2::varchar))`,
      [tenant, mark, id],
    );
    await admin.query(`INSERT INTO distribution_keys VALUES ($1, $2, $3, NULL)`, [tenant, mark, id]);
    await admin.query(
      `INSERT INTO distribution_jobs (id, tenant_id, distribution_id, data_type, payload, destinations,
         correlation_id, submitted_by, open_deliveries)
       VALUES ($3, $1, $2, $2, jsonb_build_object('mark', $2::varchar), '[]', 'c', 'test', 0)`,
      [tenant, mark, id],
    );
  }
  await admin.query(LEAK);
  await admin.query('ANALYZE');
  await admin.end();
});

afterAll(() => database.drop());

interface Attack {
  title: string;
  /** Whose session it is; a tenant's where nothing else is said. */
  role?: keyof SessionUrls;
  /** One after the other in a transaction of the tenant `roma`; what the last one answers counts. */
  statements: string[];
  /** The error that ends it, or no more than so many rows of the tenant's own. */
  meets: { code: string } | { rows: number };
}

const DENIED = { code: '42501' };
const NOTHING = { rows: 0 };
const DESTINATIONS = 'SELECT * FROM destinations';
const tenantIs = (value: string): string[] => [
  `SELECT set_config('app.tenant_id', ${value}, true)`,
  DESTINATIONS,
];

const SETTINGS: Attack[] = [
  { title: 'no tenant', statements: tenantIs(`''`), meets: NOTHING },
  { title: 'a null for a tenant', statements: tenantIs('NULL'), meets: NOTHING },
  { title: 'a condition in the name', statements: tenantIs(`'roma'' OR ''1''=''1'`), meets: NOTHING },
  { title: 'a list of tenants', statements: tenantIs(`'{roma,milano}'`), meets: NOTHING },
  { title: 'a pattern', statements: tenantIs(`'%'`), meets: NOTHING },
  { title: 'another case', statements: tenantIs(`'Milano'`), meets: NOTHING },
  { title: 'blanks around the name', statements: tenantIs(`' milano '`), meets: NOTHING },
  { title: 'RESET of the tenant', statements: ['RESET app.tenant_id', DESTINATIONS], meets: NOTHING },
  { title: 'RESET ALL', statements: ['RESET ALL', DESTINATIONS], meets: NOTHING },
  { title: 'the default', statements: ['SET LOCAL app.tenant_id TO DEFAULT', DESTINATIONS], meets: NOTHING },
  {
    title: 'row_security off',
    statements: ['SET LOCAL row_security = off', DESTINATIONS],
    meets: { code: '42501' },
  },
  {
    title: 'a setting of the session under that of the transaction',
    statements: [`SELECT set_config('app.tenant_id', 'roma', true)`, DESTINATIONS],
    meets: { rows: 1 },
  },
];

const ROLES: Attack[] = [
  'distributor_system',
  'distributor_owner',
  'distributor_readonly',
  'postgres',
].flatMap((role) => [
  { title: `SET ROLE ${role}`, statements: [`SET ROLE ${role}`], meets: DENIED },
  {
    title: `SET SESSION AUTHORIZATION ${role}`,
    statements: [`SET SESSION AUTHORIZATION ${role}`],
    meets: DENIED,
  },
]);

const READS: Attack[] = [
  {
    title: 'a function that tells what it is shown, in a condition',
    statements: ['SELECT name FROM destinations WHERE leak(name)'],
    meets: { rows: 1 },
  },
  {
    title: 'a function that tells what it is shown, over a view',
    statements: ['SELECT FROM distribution_summary WHERE leak(tenant_id)'],
    meets: NOTHING,
  },
  {
    title: 'an error that depends on a foreign row',
    statements: [`SELECT FROM destinations WHERE 1 / (CASE WHEN name = '${MARK}' THEN 0 ELSE 1 END) = 1`],
    meets: { rows: 1 },
  },
  {
    title: 'an error that quotes a foreign value',
    statements: [`SELECT FROM destinations WHERE name::int = 1`],
    meets: { code: '22P02' },
  },
  {
    title: 'a table of its own before the real one',
    statements: ['CREATE TEMP TABLE destinations (name text)'],
    meets: DENIED,
  },
  {
    title: 'a view of its own before the real table',
    statements: ['CREATE TEMP VIEW destinations AS SELECT 1'],
    meets: DENIED,
  },
  {
    title: 'a function of its own before the real one',
    statements: [`CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'`],
    meets: DENIED,
  },
  {
    title: 'a foreign row by its id',
    statements: [`${DESTINATIONS} WHERE id = '${OF_MILANO}'`],
    meets: NOTHING,
  },
  {
    title: 'a lock of a foreign row',
    statements: [`${DESTINATIONS} WHERE id = '${OF_MILANO}' FOR UPDATE`],
    meets: NOTHING,
  },
  {
    title: 'the most common values that the planner knows',
    statements: [
      `SELECT * FROM pg_stats WHERE tablename IN ('destinations', 'distribution_keys', 'tenants')`,
    ],
    meets: NOTHING,
  },
  { title: 'the statistics themselves', statements: ['SELECT * FROM pg_statistic'], meets: DENIED },
  { title: 'password hashes of roles', statements: ['SELECT rolpassword FROM pg_authid'], meets: DENIED },
  { title: 'the place of a sequence', statements: ['SELECT last_value FROM ordering_seq'], meets: DENIED },
  { title: 'a file of the server', statements: [`SELECT pg_read_file('PG_VERSION')`], meets: DENIED },
  { title: 'a folder of the server', statements: [`SELECT pg_ls_dir('.')`], meets: DENIED },
  { title: 'a file as a large object', statements: [`SELECT lo_import('/etc/passwd')`], meets: DENIED },
  { title: 'COPY into a file', statements: [`COPY destinations TO '/tmp/destinations'`], meets: DENIED },
  { title: 'COPY into a program', statements: [`COPY destinations TO PROGRAM 'cat'`], meets: DENIED },
];

const partition = (sql: (name: string) => string): string =>
  `DO $$ BEGIN EXECUTE format($sql$${sql('%I')}$sql$, (
     SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname LIKE 'distribution_jobs\\_y%' LIMIT 1));
   END $$`;

const WRITES: Attack[] = [
  { title: 'a read of a partition', statements: [partition((name) => `SELECT FROM ${name}`)], meets: DENIED },
  {
    title: 'a change in a partition',
    statements: [partition((name) => `UPDATE ${name} SET data_type = 'x'`)],
    meets: DENIED,
  },
  {
    title: 'a removal from a partition',
    statements: [partition((name) => `DELETE FROM ${name}`)],
    meets: DENIED,
  },
  {
    title: 'a change of a foreign row',
    statements: [`UPDATE destinations SET name = 'x' WHERE id = '${OF_MILANO}' RETURNING *`],
    meets: NOTHING,
  },
  {
    title: 'a change that gives a row away',
    statements: [`UPDATE destinations SET tenant_id = 'milano' RETURNING *`],
    meets: DENIED,
  },
  {
    title: 'a foreign row through ON CONFLICT',
    statements: [
      `INSERT INTO distribution_keys VALUES ('milano', '${MARK}', gen_random_uuid(), NULL)
       ON CONFLICT (tenant_id, distribution_id) DO UPDATE SET request_hash = NULL RETURNING *`,
    ],
    meets: DENIED,
  },
  {
    title: 'a name that another tenant has: no conflict tells of it',
    statements: [`INSERT INTO distribution_keys VALUES ('roma', '${MARK}', gen_random_uuid(), NULL)`],
    meets: NOTHING,
  },
  { title: 'TRUNCATE', statements: ['TRUNCATE distribution_jobs'], meets: DENIED },
  {
    title: 'COPY into a table',
    statements: ['COPY distribution_keys FROM STDIN'],
    meets: { code: '0A000' },
  },
];

const DEFINITIONS: Attack[] = [
  'ALTER TABLE destinations DISABLE ROW LEVEL SECURITY',
  'ALTER TABLE destinations NO FORCE ROW LEVEL SECURITY',
  'DROP POLICY destinations_tenant ON destinations',
  'CREATE POLICY mine ON destinations USING (true)',
  'CREATE TABLE public.mine (id int)',
  'CREATE VIEW public.mine AS SELECT 1',
  `CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`,
  'CREATE SCHEMA mine',
  'CREATE EXTENSION dblink',
  'CREATE ROLE mine',
  'ALTER ROLE distributor_app BYPASSRLS',
  'ALTER ROLE distributor_system NOLOGIN',
  'REFRESH MATERIALIZED VIEW distribution_summary_mv',
  'SELECT create_month_partitions(now(), 1)',
  'SELECT drop_month_partitions(now())',
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $$postgres$$ LIMIT 1',
].map((statement) => ({ title: statement, statements: [statement], meets: DENIED }));

const OF_THE_SYSTEM: Attack[] = [
  'SET ROLE distributor_owner',
  'ALTER TABLE destinations DISABLE ROW LEVEL SECURITY',
  'CREATE TABLE public.mine (id int)',
  'TRUNCATE distribution_jobs',
  `UPDATE audit_log SET actor = 'nobody'`,
  'DELETE FROM audit_log',
  'SELECT pg_read_file($$PG_VERSION$$)',
].map((statement) => ({
  title: `the system: ${statement}`,
  role: 'system',
  statements: [statement],
  meets: DENIED,
}));

const ATTACKS = [...SETTINGS, ...ROLES, ...READS, ...WRITES, ...DEFINITIONS, ...OF_THE_SYSTEM];

interface Met {
  code?: string;
  rows: number;
  /** Rows, notices and error texts: all that came out. */
  texts: string[];
}

async function attempt({ role = 'app', statements }: Attack): Promise<Met> {
  const client = new Client({ connectionString: sessions[role] });
  const texts: string[] = [];
  client.on('notice', ({ message }) => texts.push(message ?? ''));
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT set_config('app.tenant_id', 'roma', true)`);
    let rows: object[] = [];
    for (const statement of statements) ({ rows } = await client.query<object>(statement));
    return { rows: rows.length, texts: [...texts, JSON.stringify(rows)] };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const { code, message, detail, hint } = error;
    return {
      ...(code === undefined ? {} : { code }),
      rows: 0,
      texts: [...texts, message, detail ?? '', hint ?? ''],
    };
  } finally {
    await client.end();
  }
}

describe('an attack with SQL from within a session of the service', () => {
  it.each(ATTACKS)('$title', async (attack) => {
    const { texts, ...met } = await attempt(attack);
    const leaked = texts.filter((text) => text.includes(MARK));
    securityFigure('sql_attacks', 1);
    securityFigure('foreign_rows', leaked.length);
    expect(leaked).toEqual([]);
    expect(met).toEqual({ rows: 0, ...attack.meets });
  });
});

describe('a session that served another tenant before', () => {
  it('shows a prepared statement the rows of its own tenant only', async () => {
    const client = new Client({ connectionString: sessions.app });
    await client.connect();
    const seen = async (tenant: string): Promise<string[]> => {
      await client.query('BEGIN');
      await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenant]);
      const { rows } = await client.query<{ name: string }>({
        name: 'names',
        text: 'SELECT name FROM destinations',
      });
      await client.query('COMMIT');
      return rows.map(({ name }) => name);
    };
    // Often enough for a generic plan.
    for (let time = 0; time < 10; time++) {
      expect(await seen('roma')).toEqual(['belongs-to-roma']);
      expect(await seen('milano')).toEqual([MARK]);
    }
    expect((await client.query('SELECT FROM destinations')).rows).toEqual([]);
    await client.end();
  });
});
