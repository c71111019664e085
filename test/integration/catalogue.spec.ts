import { Client } from 'pg';
import { migrate } from '../../src/database/migrate';
import { sessionUrls } from '../../src/database/roles';
import { createDatabase, type TestDatabase } from '../support/postgres';

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

describe('the catalogue of the database', () => {
  it('has row-level security, enabled and forced, on every table with a tenant, partitions included', async () => {
    const rule = `SELECT c.relname AS name, NOT (c.relrowsecurity AND c.relforcerowsecurity) AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p') AND ${HAS_TENANT}`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('has a policy for the tenant on every one of them that is no partition', async () => {
    const rule = `SELECT c.relname AS name, NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND 'distributor_app'::regrole = ANY (p.polroles)
          AND pg_get_expr(p.polqual, p.polrelid) LIKE '%app.tenant_id%') AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND ${HAS_TENANT}`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('lets nobody but the system see past the tenant', async () => {
    const rule = `SELECT c.relname || '.' || p.polname AS name,
        pg_get_expr(p.polqual, p.polrelid) = 'true' AND p.polroles <> ARRAY['distributor_system'::regrole::oid] AS broken
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE ${OURS}`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('grants nothing on partitions', async () => {
    const rule = `SELECT c.relname AS name, ${grantee('c.relacl')} AS broken
      FROM pg_class c WHERE ${OURS} AND c.relispartition AND c.relkind IN ('r', 'p')`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('grants nothing on materialised views', async () => {
    const rule = `SELECT c.relname AS name, ${grantee('c.relacl')} AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind = 'm'`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('has no view that shows more than its reader may see', async () => {
    const rule = `SELECT c.relname AS name, NOT coalesce(
        'security_invoker=true' = ANY (c.reloptions)
        OR 'security_barrier=true' = ANY (c.reloptions) AND pg_get_viewdef(c.oid) LIKE '%app.tenant_id%', false) AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind = 'v'`;
    expect(await breaking(rule)).toEqual([]);
  });

  it("has no function with its owner's rights that tenants or everybody may call", async () => {
    const rule = `SELECT p.proname AS name, p.proacl IS NULL
        OR has_function_privilege('distributor_app', p.oid, 'EXECUTE')
        OR has_function_privilege('distributor_readonly', p.oid, 'EXECUTE')
        OR EXISTS (SELECT FROM aclexplode(p.proacl) g WHERE g.grantee = 0)
        OR NOT coalesce(p.proconfig::text LIKE '%search_path=%', false) AS broken
      FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('grants no TRUNCATE, REFERENCES or TRIGGER, and nothing at all to everybody', async () => {
    const rule = `SELECT c.relname || ' ' || g.privilege_type AS name,
        g.grantee = 0 OR g.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER') AS broken
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g
      WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v', 'm') AND g.grantee <> c.relowner`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('belongs to a role that nobody logs in as', async () => {
    const rule = `SELECT c.relname AS name,
        pg_get_userbyid(c.relowner) <> CASE c.relkind WHEN 'm' THEN 'distributor_system' WHEN 'v' THEN 'distributor_system'
          ELSE 'distributor_owner' END AS broken
      FROM pg_class c WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname NOT IN ('migrations')`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('has roles that can do no more than they must', async () => {
    const rule = `SELECT rolname AS name, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolinherit
        OR rolcanlogin <> (rolname IN ('distributor_app', 'distributor_system')) AS broken
      FROM pg_roles WHERE rolname LIKE 'distributor\\_%' AND rolname NOT LIKE '%test%'`;
    expect(await breaking(rule)).toEqual([]);
  });

  it('carries the tenant in every foreign key between tables that have one', async () => {
    const rule = `SELECT k.conrelid::regclass || ' -> ' || k.confrelid::regclass AS name,
        NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
          AND a.attname = 'tenant_id') AS broken
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.contype = 'f' AND ${OURS} AND ${HAS_TENANT}
        AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = k.confrelid AND t.attname = 'tenant_id')`;
    expect(await breaking(rule)).toEqual([]);
  });
});
