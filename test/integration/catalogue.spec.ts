import { Client } from 'pg';
import { TABLES_KEPT, TABLES_OF_JOBS, TABLES_OF_TENANT } from '../../src/data-protection/tables';
import { migrate } from '../../src/database/migrate';
import { sessionUrls } from '../../src/database/roles';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { securityFigure } from '../support/security-figures';

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.url, sessionUrls(database.url, {}));
  client = new Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** The names that a rule is broken by; a rule that looks at nothing proves nothing. */
async function breaking(sql: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string; broken: boolean }>(sql);
  expect(rows.length).toBeGreaterThan(0);
  return rows.filter(({ broken }) => broken).map(({ name }) => name);
}

const OURS = `c.relnamespace = 'public'::regnamespace`;
const HAS_TENANT = `(c.relname = 'tenants' OR EXISTS (
  SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))`;
const grantee = (column: string): string =>
  `EXISTS (SELECT FROM aclexplode(${column}) g WHERE g.grantee <> c.relowner)`;

const ERASED = [...Object.keys(TABLES_OF_JOBS), ...TABLES_OF_TENANT.map(([table]) => table), ...TABLES_KEPT];

/** What must hold, and a change that breaks it: the scan that does not find the change is no scan. */
interface Rule {
  title: string;
  sql: string;
  planted: string;
  finds: string;
}

const RULES: Rule[] = [
  {
    title: 'has row-level security, enabled and forced, on every table with a tenant, partitions included',
    sql: `SELECT c.relname AS name, NOT (c.relrowsecurity AND c.relforcerowsecurity) AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p') AND ${HAS_TENANT}`,
    planted: `CREATE TABLE planted (tenant_id text); ALTER TABLE planted ENABLE ROW LEVEL SECURITY`,
    finds: 'planted',
  },
  {
    title: 'has a policy for the tenant on every one of them that is no partition',
    sql: `SELECT c.relname AS name, NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND 'distributor_app'::regrole = ANY (p.polroles)
          AND pg_get_expr(p.polqual, p.polrelid) LIKE '%app.tenant_id%') AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND ${HAS_TENANT}`,
    planted: `DROP POLICY destinations_tenant ON destinations`,
    finds: 'destinations',
  },
  {
    title: 'lets nobody but the system see past the tenant',
    sql: `SELECT c.relname || '.' || p.polname AS name,
        pg_get_expr(p.polqual, p.polrelid) = 'true' AND p.polroles <> ARRAY['distributor_system'::regrole::oid] AS broken
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE ${OURS}`,
    planted: `CREATE POLICY planted ON destinations FOR SELECT TO distributor_readonly USING (true)`,
    finds: 'destinations.planted',
  },
  {
    title: 'grants nothing on partitions',
    sql: `SELECT c.relname AS name, ${grantee('c.relacl')} AS broken
      FROM pg_class c WHERE ${OURS} AND c.relispartition AND c.relkind IN ('r', 'p')`,
    planted: `CREATE TABLE planted PARTITION OF distribution_jobs FOR VALUES FROM ('ffffffff-0000-7000-8000-000000000000') TO (MAXVALUE); GRANT SELECT ON planted TO distributor_app`,
    finds: 'planted',
  },
  {
    title: 'grants nothing on materialised views',
    sql: `SELECT c.relname AS name, ${grantee('c.relacl')} AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind = 'm'`,
    planted: `CREATE MATERIALIZED VIEW planted AS SELECT 1 AS one; GRANT SELECT ON planted TO distributor_app`,
    finds: 'planted',
  },
  {
    title: 'has no view that shows more than its reader may see',
    sql: `SELECT c.relname AS name, NOT coalesce(
        'security_invoker=true' = ANY (c.reloptions)
        OR 'security_barrier=true' = ANY (c.reloptions) AND pg_get_viewdef(c.oid) LIKE '%app.tenant_id%', false) AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind = 'v'`,
    planted: `CREATE VIEW planted AS SELECT * FROM destinations`,
    finds: 'planted',
  },
  {
    title: "has no function with its owner's rights that tenants or everybody may call",
    sql: `SELECT p.proname AS name, p.proacl IS NULL
        OR has_function_privilege('distributor_app', p.oid, 'EXECUTE')
        OR has_function_privilege('distributor_readonly', p.oid, 'EXECUTE')
        OR EXISTS (SELECT FROM aclexplode(p.proacl) g WHERE g.grantee = 0)
        OR NOT coalesce(p.proconfig::text LIKE '%search_path=%', false) AS broken
      FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef`,
    planted: `CREATE FUNCTION planted() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`,
    finds: 'planted',
  },
  {
    title: 'lets clients of SQL call two procedures and nothing else of ours',
    sql: `SELECT p.proname AS name, EXISTS (
          SELECT FROM aclexplode(p.proacl) g WHERE g.grantee = 'distributor_sql'::regrole)
        <> (p.proname IN ('submit_distribution', 'update_distribution_status')) AS broken
      FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace`,
    planted: `GRANT EXECUTE ON FUNCTION create_month_partitions TO distributor_sql`,
    finds: 'create_month_partitions',
  },
  {
    title: 'lets clients of SQL read their requests and their tenant, and write nothing',
    sql: `SELECT c.relname AS name, has_any_column_privilege('distributor_sql', c.oid, 'INSERT, UPDATE')
        OR has_table_privilege('distributor_sql', c.oid, 'DELETE')
        OR has_any_column_privilege('distributor_sql', c.oid, 'SELECT')
          <> (c.relname IN ('sql_clients', 'sql_requests')) AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v', 'm')`,
    planted: `GRANT SELECT (payload) ON distribution_jobs TO distributor_sql`,
    finds: 'distribution_jobs',
  },
  {
    title: 'shows clients of SQL only what belongs to the login of their session',
    sql: `SELECT c.relname || '.' || p.polname AS name,
        pg_get_expr(p.polqual, p.polrelid) NOT LIKE '%login = SESSION_USER%' AS broken
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
      WHERE 'distributor_sql'::regrole = ANY (p.polroles)`,
    planted: `CREATE POLICY planted ON tenants TO distributor_sql USING (id <> '')`,
    finds: 'tenants.planted',
  },
  {
    title: 'grants no TRUNCATE, REFERENCES or TRIGGER, and nothing at all to everybody',
    sql: `SELECT c.relname || ' ' || g.privilege_type AS name,
        g.grantee = 0 OR g.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER') AS broken
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g
      WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v', 'm') AND g.grantee <> c.relowner`,
    planted: `GRANT TRUNCATE ON destinations TO distributor_app`,
    finds: 'destinations TRUNCATE',
  },
  {
    title: 'belongs to a role that nobody logs in as',
    sql: `SELECT c.relname AS name,
        pg_get_userbyid(c.relowner) <> CASE c.relkind WHEN 'm' THEN 'distributor_system' WHEN 'v' THEN 'distributor_system'
          ELSE 'distributor_owner' END AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname NOT IN ('migrations')`,
    planted: `CREATE TABLE planted (one int)`,
    finds: 'planted',
  },
  {
    title: 'has roles that can do no more than they must',
    sql: `SELECT rolname AS name, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolinherit
        OR rolcanlogin <> (rolname IN ('distributor_app', 'distributor_system')) AS broken
      FROM pg_roles WHERE rolname LIKE 'distributor\\_%' AND rolname NOT LIKE '%test%'`,
    planted: `ALTER ROLE distributor_readonly LOGIN`,
    finds: 'distributor_readonly',
  },
  {
    title: 'carries the tenant in every foreign key between tables that have one',
    sql: `SELECT k.conrelid::regclass || ' -> ' || k.confrelid::regclass AS name,
        NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
          AND a.attname = 'tenant_id') AS broken
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.contype = 'f' AND ${OURS} AND ${HAS_TENANT}
        AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = k.confrelid AND t.attname = 'tenant_id')`,
    planted: `CREATE TABLE planted (tenant_id text, api_key uuid REFERENCES api_keys (id))`,
    finds: 'planted -> api_keys',
  },
  {
    title: 'has no table of tenants that an erasure forgets',
    sql: `SELECT c.relname AS name, c.relname <> ALL ('{${ERASED.join(',')}}') AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND ${HAS_TENANT}`,
    planted: `CREATE TABLE planted (tenant_id text)`,
    finds: 'planted',
  },
];

describe('the catalogue of the database', () => {
  it.each(RULES)('$title', async ({ sql }) => {
    expect(await breaking(sql)).toEqual([]);
  });
});

describe('the scan of the catalogue', () => {
  it.each(RULES)('finds a change that breaks it: $title', async ({ sql, planted, finds }) => {
    await client.query('BEGIN');
    try {
      await client.query(planted);
      expect(await breaking(sql)).toEqual([finds]);
      securityFigure('catalogue_violations_found', 1);
    } finally {
      await client.query('ROLLBACK');
    }
  });
});
