import { createHash } from 'node:crypto';
import { ApiError } from '../kernel/errors';
import { type ApiKeyId, type TenantId, type UserId } from '../kernel/ids';

export const SCOPES = [
  'distribution:submit',
  'distribution:read',
  'distribution:manage',
  'config:read',
  'config:write',
  'tenant:admin',
  'platform:admin',
] as const;
export type Scope = (typeof SCOPES)[number];

export const isScope = (text: string): text is Scope => (SCOPES as readonly string[]).includes(text);

/** Who is asking, for which tenant, with which rights. A platform administrator may have named no tenant. */
export interface Caller {
  /**
   * As it stands in events and audit: `key:<name>`, `user:<username>`, `token:<sub>`, `broker:<username>`,
   * `sql:<login>`.
   */
  actor: string;
  tenantId: TenantId | undefined;
  scopes: ReadonlySet<Scope>;
  /** Absent where nobody asked over HTTP. */
  requestId?: string | undefined;
  /** Set where a user of the console is behind the request. */
  userId?: UserId;
  /** Set where a tenant's key is behind the request; its requests are limited. */
  keyId?: ApiKeyId;
}

const LONGEST_NAME = 100;

/** Names of tokens may be longer than history has room for; two long ones that begin alike stay apart. */
export function actorOf(kind: 'key' | 'user' | 'token' | 'broker' | 'sql', name: string): string {
  if (name.length <= LONGEST_NAME) return `${kind}:${name}`;
  return `${kind}:${name.slice(0, 80)}…${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}

/** A caller whose request is about one tenant. */
export interface TenantCaller extends Caller {
  tenantId: TenantId;
}

/** A tenant_id in a body or query may be there only to say what the key says already. */
export function checkTenant(caller: TenantCaller, tenantId: string | undefined, field = 'tenant_id'): void {
  if (tenantId !== undefined && tenantId !== caller.tenantId) throw foreignTenant(field);
}

export const foreignTenant = (field: string): ApiError =>
  new ApiError('AUTHORIZATION_FAILED', `${field} is not the tenant of your key`, [
    { field, issue: 'is not the tenant of your key' },
  ]);

/** `platform:admin` includes every other scope, in the tenant that the request names. */
export const may = (caller: Caller, scope: Scope): boolean =>
  caller.scopes.has(scope) || caller.scopes.has('platform:admin');

/** Nobody hands out rights that he lacks himself. */
export function assertMayGrant(caller: Caller, scopes: readonly Scope[], field: string): void {
  const lacking = scopes.filter((scope) => !may(caller, scope));
  if (lacking.length === 0) return;
  const issue = `needs the scopes ${lacking.join(', ')}, which you lack yourself`;
  throw new ApiError('AUTHORIZATION_FAILED', `${field}: ${issue}`, [{ field, issue }]);
}
