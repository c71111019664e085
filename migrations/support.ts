import { type QueryRunner } from 'typeorm';

/**
 * Tables belong to `distributor_owner`, a role that nobody logs in as, so that no session of the service
 * can switch a policy off. `SET LOCAL` ends with the migration's transaction.
 */
export async function asOwner(runner: QueryRunner, ...statements: string[]): Promise<void> {
  await runner.query('SET LOCAL ROLE distributor_owner');
  for (const statement of statements) await runner.query(statement);
  await runner.query('RESET ROLE');
}

/** The tenant of the session; NULL where none is set, because a cleared local setting reads as ''. */
export const CURRENT_TENANT = `NULLIF(current_setting('app.tenant_id', true), '')`;

/**
 * Row-level security of one table: a tenant's session and a report see the tenant's rows, the system role
 * all of them, the owner and everybody else none. FORCE binds the owner too.
 */
export function tenantPolicies(table: string, column = 'tenant_id'): string {
  const own = `${column} = ${CURRENT_TENANT}`;
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY ${table}_tenant ON ${table} TO distributor_app USING (${own}) WITH CHECK (${own});
    CREATE POLICY ${table}_report ON ${table} FOR SELECT TO distributor_readonly USING (${own});
    CREATE POLICY ${table}_system ON ${table} TO distributor_system USING (true) WITH CHECK (true);
    GRANT SELECT ON ${table} TO distributor_readonly;`;
}

/** As above for tables whose rows without a tenant hold for everybody: readable by all, writable by none. */
export function sharedPolicies(table: string): string {
  const own = `tenant_id = ${CURRENT_TENANT}`;
  const visible = `(tenant_id IS NULL OR ${own})`;
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY ${table}_read ON ${table} FOR SELECT TO distributor_app USING (${visible});
    CREATE POLICY ${table}_insert ON ${table} FOR INSERT TO distributor_app WITH CHECK (${own});
    CREATE POLICY ${table}_update ON ${table} FOR UPDATE TO distributor_app USING (${own}) WITH CHECK (${own});
    CREATE POLICY ${table}_delete ON ${table} FOR DELETE TO distributor_app USING (${own});
    CREATE POLICY ${table}_report ON ${table} FOR SELECT TO distributor_readonly USING (${visible});
    CREATE POLICY ${table}_system ON ${table} TO distributor_system USING (true) WITH CHECK (true);
    GRANT SELECT ON ${table} TO distributor_readonly;`;
}
