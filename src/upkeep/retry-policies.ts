import { effectivePolicy } from '../delivery/decide';
import { type DestinationId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { backoffSeconds, type RetryPolicy, retryPolicyOf } from '../kernel/retry-policy';
import { type Duty } from './duty';

type Change = { tenant_id: TenantId; destination_id: DestinationId; configuration: JsonObject };

const DUE = {
  name: 'due_retry_policy_changes',
  text: `
    SELECT c.tenant_id, c.destination_id, d.configuration
    FROM retry_policy_changes c JOIN destinations d ON d.tenant_id = c.tenant_id AND d.id = c.destination_id
    WHERE c.due_at <= now()
    ORDER BY c.due_at
    LIMIT 50`,
};

/**
 * Automatic retries that wait longer than today's policy would have let them: as if it had made their wait. Left out:
 * what waits as long as its receiver asked for, and what has a retry policy of its own in its job. A replay has a round
 * of its own and is no automatic retry. Retries stand in the odd ranks.
 *
 * $1 tenant, $2 lane, $3 the longest waits after the first, second … attempt, $4 the least of them, $5 most
 */
const PULL_IN = {
  name: 'pull_in_retries',
  text: `
    WITH late AS (
      SELECT r.delivery_id, w.seconds
      FROM ready_attempts r
      CROSS JOIN LATERAL (
        SELECT ($3::float8[])[LEAST(r.attempt_number - r.round_start - 1, cardinality($3::float8[]))] AS seconds
      ) w
      JOIN distribution_jobs j ON j.id = r.distribution_job_id
      JOIN distribution_attempts a ON a.distribution_job_id = r.distribution_job_id
        AND a.destination_name = r.destination_name AND a.attempt_number = r.attempt_number - 1
      WHERE r.lane_id = $2 AND r.rank = ANY ('{1,3,5,7}') AND r.tenant_id = $1 AND r.leased_by IS NULL
        AND r.due_at > now() + make_interval(secs => $4) AND r.due_at < 'infinity'
        AND r.attempt_number > r.round_start + 1
        AND r.due_at > now() + make_interval(secs => w.seconds)
        AND NOT a.metadata ? 'retry_after_seconds'
        AND (j.destinations -> r.position -> 'inline' ? 'retry_policy') IS NOT TRUE
      LIMIT $5
      FOR UPDATE OF r SKIP LOCKED
    )
    UPDATE ready_attempts r SET due_at = now() + random() * make_interval(secs => late.seconds)
    FROM late WHERE r.delivery_id = late.delivery_id
    RETURNING r.delivery_id`,
};

/** An attempt that was under way at the change is decided by the old policy: it is looked for until it must be over. */
const NOTE_PASS = {
  name: 'note_retry_policy_pass',
  text: `
    WITH over AS (
      DELETE FROM retry_policy_changes
      WHERE tenant_id = $1 AND destination_id = $2 AND changed_at < now() - make_interval(secs => $3)
      RETURNING destination_id
    )
    UPDATE retry_policy_changes
    SET due_at = now() + GREATEST(now() - changed_at, interval '1 s')
    WHERE tenant_id = $1 AND destination_id = $2 AND NOT EXISTS (SELECT FROM over)`,
};

/** A run moves so many of each destination; the next one goes on. */
const MOST_AT_ONCE = 1000;
const MOST_ATTEMPTS = 100;
/** For preparing and recording, beyond the time-out of the attempt itself. */
const SLACK_SECONDS = 60;

/**
 * A shortened retry policy reaches what waits already. Passes come 0, 1, 2, 4 … s after the change, until every attempt
 * that was under way then has ended.
 */
export const retryPolicies = (defaults: RetryPolicy, maxTimeoutSeconds: number): Duty => ({
  name: 'retry policies',
  everySeconds: 1,
  async run(tx) {
    for (const { tenant_id, destination_id, configuration } of await tx.query<Change>(DUE, [])) {
      const waits = longestWaits(effectivePolicy(retryPolicyOf(configuration), null, defaults));
      const values = [tenant_id, destination_id, waits, Math.min(...waits), MOST_AT_ONCE];
      const moved = await tx.query(PULL_IN, values);
      if (moved.length < MOST_AT_ONCE)
        await tx.query(NOTE_PASS, [tenant_id, destination_id, maxTimeoutSeconds + SLACK_SECONDS]);
    }
  },
});

const longestWaits = (policy: RetryPolicy): number[] =>
  Array.from({ length: MOST_ATTEMPTS }, (_, made) => backoffSeconds(policy, made + 1, undefined, 1));
