import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { scramVerifier } from './roles';

/** Why a role is no client: it could do more than call the procedures. */
const FAULTS = `
  SELECT reason FROM pg_roles r, LATERAL (VALUES
    (NOT r.rolcanlogin, 'it may not log in'),
    (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole, 'it is a superuser, or has BYPASSRLS or CREATEROLE'),
    (EXISTS (SELECT FROM pg_roles o
             WHERE o.rolname LIKE 'distributor\\_%' AND o.rolname <> 'distributor_sql' AND pg_has_role(r.oid, o.oid, 'MEMBER')),
     'it is, or is a member of, another role of Distributor')
  ) AS checks (applies, reason)
  WHERE r.rolname = $1 AND applies`;

/**
 * A login that may call the procedures of the SQL intake, once `bind` has said for which tenant. True where it was made
 * with this password; false where an administrator had made it before, password and all. All of it happens, or nothing.
 * @throws Error where the role exists and could do more.
 */
export const makeClientLogin = (
  ownerUrl: string,
  login: string,
  password: string,
  bind: () => Promise<void>,
): Promise<boolean> =>
  inOneTransaction(ownerUrl, async (owner) => {
    const name = owner.escapeIdentifier(login);
    const known = await owner.query('SELECT FROM pg_roles WHERE rolname = $1', [login]);
    if (known.rowCount === 0) {
      const verifier = scramVerifier(password, randomBytes(16));
      await owner.query(`CREATE ROLE ${name} LOGIN INHERIT PASSWORD '${verifier}'`);
    }
    const faults = (await owner.query<{ reason: string }>(FAULTS, [login])).rows.map(({ reason }) => reason);
    if (faults.length > 0) {
      throw new Error(`${login} cannot be a SQL client: ${faults.join('; ')}; choose another login`);
    }
    const member = await owner.query(`SELECT WHERE pg_has_role($1, 'distributor_sql', 'MEMBER')`, [login]);
    if (member.rowCount === 0) await owner.query(`GRANT distributor_sql TO ${name}`);
    await bind();
    return known.rowCount === 0;
  });

/** It can call nothing any more. The role itself stays: it may be somebody's for other things too. */
export const revokeClientLogin = (ownerUrl: string, login: string): Promise<void> =>
  inOneTransaction(ownerUrl, async (owner) => {
    const known = await owner.query('SELECT FROM pg_roles WHERE rolname = $1', [login]);
    if (known.rowCount === 0) return;
    await owner.query(`REVOKE distributor_sql FROM ${owner.escapeIdentifier(login)}`);
  });

async function inOneTransaction<T>(ownerUrl: string, work: (owner: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } finally {
    await client.end();
  }
}
