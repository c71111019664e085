import { type TenantId, type UserId } from '../kernel/ids';
import { type Role } from './roles';

/** A session ends when it was not used for 12 hours, and after 7 days in any case; the cookie lives as long. */
export const SESSION_IDLE_SECONDS = 43_200;
const ALIVE = `s.rotated_at > now() - interval '12 hours' AND s.created_at > now() - interval '7 days'`;

/** Who may come in: out at once are disabled users, those of an inactive tenant, and sessions from before a change. */
const STANDS = `u.status = 'active' AND (u.tenant_id IS NULL OR t.status <> 'inactive')`;
const WITH_TENANT = `LEFT JOIN tenants t ON t.id = u.tenant_id`;

export type UserRow = {
  user_id: UserId;
  tenant_id: TenantId | null;
  username: string;
  email: string | null;
  role: Role;
  password_hash: string;
};

const USER = `u.id AS user_id, u.tenant_id, u.username, u.email, u.role, u.password_hash`;

export const USER_BY_NAME = {
  name: 'user_by_name',
  text: `
    SELECT ${USER} FROM users u ${WITH_TENANT}
    WHERE u.tenant_id IS NOT DISTINCT FROM $1 AND (u.username = $2 OR u.email = $2) AND ${STANDS}`,
};

export const USER_BY_EMAIL = {
  name: 'user_by_email',
  text: `
    SELECT ${USER} FROM users u ${WITH_TENANT}
    WHERE u.tenant_id IS NOT DISTINCT FROM $1 AND u.email = $2 AND ${STANDS}`,
};

export const USER_BY_ID = {
  name: 'user_by_id',
  text: `SELECT ${USER} FROM users u ${WITH_TENANT} WHERE u.id = $1 AND ${STANDS}`,
};

export type SessionRow = UserRow & {
  id: string;
  token_hash: Buffer;
  previous_hash: Buffer | null;
  rotated_at: Date;
  now: Date;
};

const SESSION = `
  SELECT s.id, s.token_hash, s.previous_hash, s.rotated_at, now() AS now, ${USER}
  FROM user_sessions s JOIN users u ON u.id = s.user_id ${WITH_TENANT}
  WHERE s.id = $1 AND s.created_at >= u.sessions_valid_from AND ${ALIVE} AND ${STANDS}`;

export const SESSION_BY_ID = { name: 'user_session', text: SESSION };

export const LOCK_SESSION = { name: 'user_session_lock', text: `${SESSION} FOR UPDATE OF s` };

export const BEGIN_SESSION = {
  name: 'user_session_begin',
  text: `INSERT INTO user_sessions (id, user_id, token_hash) VALUES ($1, $2, $3)`,
};

export const SIGNED_IN = {
  name: 'user_signed_in',
  text: `UPDATE users SET last_sign_in_at = now() WHERE id = $1`,
};

export const ROTATE = {
  name: 'user_session_rotate',
  text: `
    UPDATE user_sessions SET previous_hash = token_hash, token_hash = $2, rotated_at = now()
    WHERE id = $1`,
};

export const END_SESSION = { name: 'user_session_end', text: `DELETE FROM user_sessions WHERE id = $1` };

/** Every session from before ends with it; one that begins in the same transaction does not. */
export const CHANGE_PASSWORD = {
  name: 'user_change_password',
  text: `
    UPDATE users SET password_hash = $2, sessions_valid_from = now(), updated_at = now()
    WHERE id = $1 AND password_hash = $3 RETURNING id`,
};
