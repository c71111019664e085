import { type TenantId } from '../kernel/ids';

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

/** Who is asking, for which tenant, with which rights. A platform administrator may have named no tenant. */
export interface Caller {
  /** As it stands in events and audit: `key:<name>`. */
  actor: string;
  tenantId: TenantId | undefined;
  scopes: ReadonlySet<Scope>;
  /** Absent where nobody asked over HTTP. */
  requestId?: string | undefined;
}

/** A caller whose request is about one tenant. */
export interface TenantCaller extends Caller {
  tenantId: TenantId;
}

/** `platform:admin` includes every other scope, in the tenant that the request names. */
export const may = (caller: Caller, scope: Scope): boolean =>
  caller.scopes.has(scope) || caller.scopes.has('platform:admin');
