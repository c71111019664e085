import { type JobRow } from './rows';

export type QueueState = {
  due: number;
  scheduled: number;
  waiting: number;
  in_flight: number;
  oldest_due_seconds: number;
};

/** Deliveries that are not over. `waiting`: for an earlier one with the same ordering key, or for a breaker. */
export const QUEUE = {
  name: 'tenant_queue',
  text: `
    SELECT count(*) FILTER (WHERE leased_by IS NULL AND due_at <= now())::int AS due,
      count(*) FILTER (WHERE leased_by IS NULL AND due_at > now() AND due_at < 'infinity')::int AS scheduled,
      count(*) FILTER (WHERE due_at = 'infinity')::int AS waiting,
      count(*) FILTER (WHERE leased_by IS NOT NULL)::int AS in_flight,
      COALESCE(extract(epoch FROM now() - min(due_at) FILTER (WHERE leased_by IS NULL AND due_at <= now())), 0)::float8
        AS oldest_due_seconds
    FROM ready_attempts`,
};

export const DEAD_LETTERS = {
  name: 'tenant_dead_letters',
  text: `SELECT count(*)::int AS letters FROM dead_letters WHERE status = 'dead'`,
};

export type JobsOfHour = { hour: Date; status: JobRow['status']; jobs: number };

/** $1 the first hour, $2 what is counted now begins, $3 the first id of that time. */
export const JOBS_BY_HOUR = {
  name: 'tenant_jobs_by_hour',
  text: `
    SELECT date_trunc('hour', created_at) AS hour, status, count(*)::int AS jobs
    FROM distribution_jobs WHERE id >= $3::uuid AND created_at >= GREATEST($1::timestamptz, $2::timestamptz)
    GROUP BY 1, 2
    UNION ALL
    SELECT hour_bucket, status, sum(total_distributions)::int
    FROM distribution_summary WHERE hour_bucket >= $1 AND hour_bucket < $2
    GROUP BY 1, 2`,
};
