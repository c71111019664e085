import { Session } from './session';

const CONNECT_MS = 10_000;

/** Why sessions of this login are not bound by row-level security; empty where they are. */
const BYPASSES = `
  SELECT reason FROM (VALUES
    ((SELECT rolsuper FROM pg_roles WHERE rolname = session_user), 'it is a superuser'),
    ((SELECT rolbypassrls FROM pg_roles WHERE rolname = session_user), 'it has BYPASSRLS'),
    (EXISTS (SELECT FROM pg_roles r
             WHERE (r.rolsuper OR r.rolbypassrls) AND r.rolname <> session_user
               AND pg_has_role(session_user, r.oid, 'MEMBER')),
     'it is a member of a role that is a superuser or has BYPASSRLS'),
    (EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relrowsecurity
               AND pg_has_role(session_user, c.relowner, 'MEMBER')),
     'it owns, or is a member of the role that owns, tables with policies'),
    (EXISTS (SELECT FROM pg_db_role_setting s
             WHERE (s.setrole = 0 OR s.setrole = (SELECT oid FROM pg_roles WHERE rolname = session_user))
               AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
               AND s.setconfig::text LIKE '%app.tenant_id=%'),
     'its sessions begin as a tenant (ALTER ROLE … RESET app.tenant_id, ALTER DATABASE … RESET app.tenant_id)')
  ) AS checks (applies, reason)
  WHERE applies`;

/** Forced and present on every table with a tenant; anything else would show rows to the wrong session. */
const UNPROTECTED = `
  SELECT c.relname FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
  WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
  ORDER BY 1`;

/** Sessions of this login would see rows of other tenants. */
export class UnboundByPolicies extends Error {}

/**
 * Refuses a login whose sessions could see past a policy.
 * @throws UnboundByPolicies that names the login, the reasons and the way out.
 */
export async function assertBoundByPolicies(url: string, variable: string): Promise<void> {
  const login = decodeURIComponent(new URL(url).username);
  const client = new Session({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  await client.connect().catch((error: Error) => {
    throw new Error(
      `cannot log in to the database as ${login}: ${error.message}. The service's sessions log in as the roles ` +
        `distributor_app and distributor_system; give them a login on this server, or set ${variable}.`,
      { cause: error },
    );
  });
  try {
    const reasons = (await client.query<{ reason: string }>(BYPASSES)).rows.map(({ reason }) => reason);
    if (reasons.length > 0) {
      throw new UnboundByPolicies(
        `the database login ${login} could bypass row-level security: ${reasons.join('; ')}. ` +
          `Set ${variable} to a login without these rights, or leave it out to use the service's own roles.`,
      );
    }
    const tables = (await client.query<{ relname: string }>(UNPROTECTED)).rows.map(({ relname }) => relname);
    if (tables.length > 0) {
      throw new UnboundByPolicies(
        `row-level security is not forced on: ${tables.join(', ')}. Run "npm run migrate", or ` +
          `ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY on each.`,
      );
    }
  } finally {
    await client.end();
  }
}
