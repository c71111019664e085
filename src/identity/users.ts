import { sqlState } from '../database/faults';
import { ApiError, conflict, invalid, notFound } from '../kernel/errors';
import { newId, type TenantId, type UserId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { about, audit, type AuditRecord } from '../tenants/audit';
import { type Changes } from '../tenants/changes';
import { type ConfigurationTransaction, type ConfigurationTx } from '../tenants/configuration-transaction';
import { assertMayGrant, type Caller } from '../tenants/scopes';
import { type Passwords } from './passwords';
import { type Role, SCOPES_OF_ROLE } from './roles';

export const USER_STATUSES = ['active', 'disabled'] as const;

export interface UserInput {
  username: string;
  email?: string | null | undefined;
  password: string;
  role: Role;
}

/** A user name stays: history names its bearer by it. */
export type UserPatch = Changes<Omit<UserInput, 'username'> & { status: (typeof USER_STATUSES)[number] }>;

/** A user as it may be shown: everything but the hash of the password. */
export type UserView = {
  id: UserId;
  tenant_id: TenantId | null;
  username: string;
  email: string | null;
  role: Role;
  status: (typeof USER_STATUSES)[number];
  created_at: Date;
  created_by: string;
  updated_at: Date;
  last_sign_in_at: Date | null;
};

export interface UserParts {
  transactions: ConfigurationTransaction;
  passwords: Passwords;
  /** Sessions of this user must be looked up again. */
  onChange: () => void;
}

/** People who may sign in: those of one tenant, or, for a platform administrator who names none, the platform's. */
export class Users {
  constructor(private readonly parts: UserParts) {}

  async create(caller: Caller, { username, email, password, role }: UserInput): Promise<UserView> {
    assertRoleFits(caller, role);
    assertMayGrant(caller, SCOPES_OF_ROLE[role], 'role');
    const hash = await this.parts.passwords.hash(password);
    return this.write(caller, async (tx) => {
      const values = [newId<UserId>(), tx.owner, username, email ?? null, hash, role, caller.actor];
      const [user] = await tx.query<UserView>(INSERT, values);
      if (user === undefined) throw new Error('no user came back');
      await record(tx, caller, user, 'create', { username, role });
      return user;
    });
  }

  async list(caller: Caller): Promise<UserView[]> {
    return this.parts.transactions.see(caller, (tx) => tx.query<UserView>(LIST, [tx.owner]));
  }

  async get(caller: Caller, id: UserId): Promise<UserView> {
    return this.parts.transactions.see(caller, (tx) => one(tx, id));
  }

  /** A new password and a disabled status end the user's sessions; a new role holds for those that are open. */
  async update(caller: Caller, id: UserId, patch: UserPatch): Promise<UserView> {
    const { role, password } = patch;
    if (role !== undefined) assertRoleFits(caller, role);
    if (role !== undefined) assertMayGrant(caller, SCOPES_OF_ROLE[role], 'role');
    const hash = password === undefined ? null : await this.parts.passwords.hash(password);
    return this.write(caller, async (tx) => {
      const before = await this.changeable(tx, caller, id);
      const values = [
        id,
        tx.owner,
        patch.email === undefined ? before.email : patch.email,
        role ?? before.role,
        patch.status ?? before.status,
        hash,
      ];
      const [after] = await tx.query<UserView>(UPDATE, values);
      if (after === undefined) throw notFound(`user ${id}`);
      await record(tx, caller, after, 'update', {
        before: { email: before.email, role: before.role, status: before.status },
        after: { email: after.email, role: after.role, status: after.status },
        changed: Object.keys(patch),
      });
      return after;
    });
  }

  async remove(caller: Caller, id: UserId): Promise<void> {
    await this.write(caller, async (tx) => {
      const { username, role } = await this.changeable(tx, caller, id);
      await tx.query(DELETE, [id, tx.owner]);
      await record(tx, caller, { id, username }, 'delete', { username, role });
    });
  }

  /** Nobody takes over who has more rights than he, nor locks himself out. */
  private async changeable(tx: ConfigurationTx, caller: Caller, id: UserId): Promise<UserView> {
    const user = await one(tx, id, LOCK);
    assertMayGrant(caller, SCOPES_OF_ROLE[user.role], 'id');
    if (caller.userId === id) {
      throw conflict(
        'id',
        'is your own user; another administrator must change it (POST /auth/password is yours)',
      );
    }
    return user;
  }

  /** The user named by BOOTSTRAP_ADMIN_USER, made where it is missing and left alone where it is not. */
  async ensureBootstrapUser(username: string, password: string): Promise<void> {
    const caller = {
      actor: 'BOOTSTRAP_ADMIN_USER',
      tenantId: undefined,
      scopes: new Set(['platform:admin' as const]),
    };
    const known = await this.list(caller);
    if (known.some((user) => user.username === username)) return;
    await this.create(caller, { username, password, role: 'platform_admin' }).catch((error: unknown) => {
      // Another process was quicker.
      if (!(error instanceof ApiError && error.code === 'CONFLICT')) throw error;
    });
  }

  private async write<T>(caller: Caller, work: (tx: ConfigurationTx) => Promise<T>): Promise<T> {
    try {
      return await this.parts.transactions.see(caller, work);
    } catch (error) {
      if (sqlState(error) !== '23505') throw error;
      const { constraint } = error as { constraint?: string };
      const field = constraint === 'users_email_key' ? 'email' : 'username';
      throw conflict(field, 'is taken by another user already; choose another');
    } finally {
      this.parts.onChange();
    }
  }
}

function assertRoleFits(caller: Caller, role: Role): void {
  if ((caller.tenantId === undefined) === (role === 'platform_admin')) return;
  throw invalid(
    'role',
    caller.tenantId === undefined
      ? 'must be platform_admin for a user of the platform; name a tenant in X-Tenant-ID for another role'
      : 'platform_admin belongs to the platform, not to a tenant; choose another role',
  );
}

async function one(tx: ConfigurationTx, id: UserId, statement = BY_ID): Promise<UserView> {
  const [user] = await tx.query<UserView>(statement, [id, tx.owner]);
  if (user === undefined) throw notFound(`user ${id}`);
  return user;
}

const record = (
  { manager, owner }: ConfigurationTx,
  caller: Caller,
  { id }: Pick<UserView, 'id' | 'username'>,
  action: AuditRecord['action'],
  details: JsonObject,
): Promise<void> => audit(manager, { ...about(caller, 'user', id, owner), action, details });

const VIEW = `id, tenant_id, username, email, role, status, created_at, created_by, updated_at, last_sign_in_at`;
/** The platform's users are read in a system session, which sees everybody's. */
const OWN = `tenant_id IS NOT DISTINCT FROM`;

const INSERT = {
  name: 'user_insert',
  text: `
    INSERT INTO users (id, tenant_id, username, email, password_hash, role, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${VIEW}`,
};
const LIST = { name: 'users', text: `SELECT ${VIEW} FROM users WHERE ${OWN} $1 ORDER BY username` };
const BY_ID = { name: 'user', text: `SELECT ${VIEW} FROM users WHERE id = $1 AND ${OWN} $2` };
const LOCK = { name: 'user_lock', text: `${BY_ID.text} FOR UPDATE` };
const UPDATE = {
  name: 'user_update',
  text: `
    UPDATE users SET email = $3, role = $4, status = $5::text, password_hash = coalesce($6::text, password_hash),
      sessions_valid_from = CASE WHEN $6::text IS NULL AND $5::text = 'active' THEN sessions_valid_from ELSE now() END,
      updated_at = now()
    WHERE id = $1 AND ${OWN} $2 RETURNING ${VIEW}`,
};
const DELETE = { name: 'user_delete', text: `DELETE FROM users WHERE id = $1 AND ${OWN} $2` };
