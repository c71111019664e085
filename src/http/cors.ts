import { type ApiReply, type ApiRequest, header } from './request';

const ALLOWED = {
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers':
    'Authorization, Content-Type, Content-Encoding, Idempotency-Key, X-API-Key, X-Request-ID, X-Tenant-ID',
  'access-control-max-age': '600',
};
const EXPOSED =
  'X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, WWW-Authenticate';

/**
 * Pages of the listed origins may call the API, with the cookie of sign-in; no others may read an answer. Returns
 * true where the request was the browser's question in advance and is answered.
 */
export function answerCors(request: ApiRequest, reply: ApiReply, origins: ReadonlySet<string>): boolean {
  if (origins.size === 0) return false;
  // A cache must not give one origin's answer to another.
  void reply.header('vary', 'Origin');
  const origin = header(request, 'origin');
  if (origin === undefined || !origins.has(origin)) return false;
  void reply.headers({
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': EXPOSED,
  });
  if (request.method !== 'OPTIONS' || header(request, 'access-control-request-method') === undefined)
    return false;
  void reply.code(204).headers(ALLOWED).send();
  return true;
}
