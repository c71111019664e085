import { timingSafeEqual, createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { ApiError } from '../kernel/errors';
import { type ApiRequest, header } from './request';

/**
 * Figures of the process name tenants. With METRICS_TOKEN who has it may read them; without it only who asks from
 * this machine, and not through a proxy on it.
 */
export function assertMayReadMetrics(request: ApiRequest, token: string | undefined): void {
  const allowed =
    token === undefined
      ? asksFromHere(request)
      : isEqual(header(request, 'authorization') ?? '', `Bearer ${token}`);
  if (allowed) return;
  throw new ApiError(
    'AUTHENTICATION_FAILED',
    token === undefined
      ? 'metrics are for this machine only, until METRICS_TOKEN is set'
      : 'send METRICS_TOKEN as Authorization: Bearer …',
  );
}

function asksFromHere(request: ApiRequest): boolean {
  const { headers, ip } = request;
  if ((headers['x-forwarded-for'] ?? headers['forwarded']) !== undefined && !isTrusted(request)) return false;
  return ipaddr.isValid(ip) && ipaddr.process(ip).range() === 'loopback';
}

/** Fastify has replaced the address by the forwarded one where it believes the proxy. */
const isTrusted = ({ ips }: ApiRequest): boolean => (ips?.length ?? 0) > 1;

/** Of equal length by hashing, so that the comparison takes the same time whatever comes. */
function isEqual(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
