import { type FastifyInstance } from 'fastify';
import { ApiError } from '../kernel/errors';
import { type Taken } from '../limits/purse';
import { type RateLimits } from '../limits/rate-limits';
import { type TenantCaller } from '../tenants/scopes';
import { type ApiReply } from './request';

/** Methods that only read; they count against no limit. */
export const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Every request under a tenant's key that is no read counts against the key, before its body is read. */
export function limitRequests(fastify: FastifyInstance, limits: () => RateLimits): void {
  fastify.addHook('onRequest', async ({ caller, method }, reply) => {
    if (caller?.keyId === undefined || caller.tenantId === undefined || READS.has(method)) return;
    const taken = await limits().takeRequest(caller.tenantId, caller.keyId);
    admit(reply, taken, ({ limit }) => `the key may send ${limit} requests a minute beside reads`);
  });
}

/** So many jobs against the tenant's limit; the headers say what is left of it, not of the key's. */
export async function admitJobs(
  limits: RateLimits,
  { tenantId }: TenantCaller,
  jobs: number,
  reply: ApiReply,
): Promise<void> {
  const taken = await limits.takeSubmissions(tenantId, jobs);
  admit(
    reply,
    taken,
    ({ limit, windowSeconds }) => `the tenant may submit ${limit} jobs in ${windowSeconds} s`,
  );
}

function admit(reply: ApiReply, taken: Taken, what: (taken: Taken) => string): void {
  void reply.headers({
    'x-ratelimit-limit': taken.limit,
    'x-ratelimit-remaining': taken.remaining,
    'x-ratelimit-reset': Math.ceil(taken.resetAt.getTime() / 1000),
  });
  switch (taken.kind) {
    case 'granted':
      return;
    case 'too_many': {
      const issue = `at most ${taken.most} at once under the tenant's limit; send several batches, or have burst_limit raised`;
      throw new ApiError('VALIDATION_ERROR', `distributions: ${issue}`, [{ field: 'distributions', issue }]);
    }
    case 'refused': {
      const issue = `${what(taken)}; wait ${taken.retryAfterSeconds} s and send it again`;
      const details = [{ field: 'rate_limit_requests', issue }];
      throw new ApiError('RATE_LIMIT_EXCEEDED', issue, details, taken.retryAfterSeconds);
    }
  }
}
