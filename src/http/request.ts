import { type FastifyReply, type FastifyRequest } from 'fastify';
import { invalid, notFound } from '../kernel/errors';
import { isTenantId, type TenantId } from '../kernel/ids';
import { type Caller, foreignTenant, type TenantCaller } from '../tenants/scopes';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication (http/authentication.ts) on every path that needs it. */
    caller?: Caller;
  }
}

export type ApiRequest = FastifyRequest;
export type ApiReply = FastifyReply;

export function header(request: ApiRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Held to what a key in the body must be; its length is intake's to look at. */
export function idempotencyKeyOf(request: ApiRequest): string | undefined {
  const key = header(request, 'idempotency-key');
  if (key !== undefined && !/^[^\u0000-\u001f\u007f]+$/.test(key))
    throw invalid('Idempotency-Key', 'is empty or has control characters; leave it out, or name the request');
  return key;
}

/** PostgreSQL cannot even compare a text with NUL: nothing has such a name, and nothing can be asked about it. */
export function refuseNul({ params, query }: ApiRequest): void {
  const hasNul = ([, value]: [string, unknown]): boolean => String(value).includes('\0');
  if (Object.entries(params ?? {}).some(hasNul)) throw notFound('a name with the character NUL');
  const faulty = Object.entries(query ?? {}).find(hasNul);
  if (faulty !== undefined) throw invalid(faulty[0], 'contains the character NUL (%00); remove it');
}

export function callerOf(request: ApiRequest): Caller {
  if (request.caller === undefined) throw new Error('no caller on a path that needs one');
  return { ...request.caller, requestId: request.id };
}

/** The caller with the one tenant that the request is about; set by the guard where the endpoint needs one. */
export function tenantCallerOf(request: ApiRequest): TenantCaller {
  const caller = callerOf(request);
  if (caller.tenantId === undefined) {
    throw invalid('X-Tenant-ID', 'is required: a platform key must name the tenant');
  }
  return { ...caller, tenantId: caller.tenantId };
}

/** The tenant's own, or the one that a platform administrator names in X-Tenant-ID. */
export function tenantNamed(request: ApiRequest, caller: Caller): TenantId | undefined {
  const named = header(request, 'x-tenant-id');
  if (named === undefined) return caller.tenantId;
  if (caller.tenantId !== undefined && named !== caller.tenantId) throw foreignTenant('X-Tenant-ID');
  if (!isTenantId(named)) throw invalid('X-Tenant-ID', 'is not a tenant id');
  return named;
}
