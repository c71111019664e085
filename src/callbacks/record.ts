import { type Outcome } from '../adapters/port';
import { GroupCommit } from '../database/group-commit';
import { type Column, columns } from '../database/statement';
import { type TenantTransaction } from '../database/tenant-transaction';
import { backoffSeconds, type RetryPolicy } from '../kernel/retry-policy';
import { type ClaimedCallback } from './claim';

/** 1 s, 7 s, 45 s, 5 min at most between five attempts; with full jitter. */
export const CALLBACK_POLICY: RetryPolicy = {
  maxAttempts: 5,
  initialDelaySeconds: 1,
  backoffMultiplier: 6.7,
  maxBackoffSeconds: 300,
};

export interface CallbackResult {
  claimed: ClaimedCallback;
  status: 'pending' | 'delivered' | 'failed';
  delaySeconds: number;
  statusCode: number | null;
  responseBody: string | null;
  errorCode: string | null;
  errorMessage: string | null;
}

/**
 * What an outcome means for a callback. What the broker does not take is repeated until it does: it is our own, and
 * its absence is not the event's fault. `random` is in [0, 1).
 */
export function decideCallback(claimed: ClaimedCallback, outcome: Outcome, random: number): CallbackResult {
  const made = claimed.attempts - claimed.round_start + 1;
  const hasMore = claimed.channel === 'events' || made < CALLBACK_POLICY.maxAttempts;
  const again = outcome.kind === 'retry' && hasMore;
  return {
    claimed,
    status: outcome.kind === 'delivered' ? 'delivered' : again ? 'pending' : 'failed',
    delaySeconds: again ? backoffSeconds(CALLBACK_POLICY, made, outcome.retryAfterSeconds, random) : 0,
    statusCode: outcome.response?.statusCode ?? null,
    responseBody: outcome.response?.body ?? null,
    errorCode: outcome.kind === 'delivered' ? null : outcome.code,
    errorMessage: outcome.kind === 'delivered' ? null : outcome.message,
  };
}

/** An outcome under an older fence changes nothing. The history keeps the latest attempts. */
const RECORD_CALLBACKS = {
  name: 'record_callbacks',
  text: `
    UPDATE distribution_callbacks c
    SET status = o.status, attempts = c.attempts + 1, leased_by = NULL,
      due_at = now() + make_interval(secs => o.delay_seconds),
      response_status_code = o.status_code, response_body = o.response_body,
      error_code = o.error_code, error_message = o.error_message,
      completed_at = CASE WHEN o.status <> 'pending' THEN now() END,
      history = CASE WHEN jsonb_array_length(c.history) < 50 THEN c.history ELSE c.history - 0 END
        || jsonb_build_object('attempt', c.attempts + 1, 'at', now(),
          'response_status_code', o.status_code, 'error_code', o.error_code)
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::float8[], $5::int[], $6::text[], $7::text[], $8::text[])
      AS o (id, fence, status, delay_seconds, status_code, response_body, error_code, error_message)
    WHERE c.id = o.id AND c.fence = o.fence AND c.status = 'pending'`,
};

const COLUMNS: Column<CallbackResult>[] = [
  ({ claimed }) => claimed.id,
  ({ claimed }) => claimed.fence,
  ({ status }) => status,
  ({ delaySeconds }) => delaySeconds,
  ({ statusCode }) => statusCode,
  ({ responseBody }) => responseBody,
  ({ errorCode }) => errorCode,
  ({ errorMessage }) => errorMessage,
];

/** Many of a tenant's in one transaction. Where it fails the callback is sent again after its lease. */
export const callbackRecorder = (tenants: TenantTransaction): GroupCommit<CallbackResult, CallbackResult> =>
  new GroupCommit({ mostTogether: 100, sideBySide: 1, paceMs: 10 }, async (tenantId, results) => {
    await tenants.each(tenantId).query(RECORD_CALLBACKS, columns(results, COLUMNS));
    return results;
  });
