/**
 * In the order in which recorders lock them (delivery/record.sql.ts). A statement of its own: the next one sees what
 * the holder of the lock has committed.
 */
export const LOCK_JOBS = {
  name: 'lock_jobs',
  text: `
    SELECT j.id, j.status, j.completed_at, j.open_deliveries, j.batch_id, j.cancel_requested_at IS NOT NULL AS cancelling
    FROM distribution_jobs j WHERE j.id = ANY ($1::uuid[]) ORDER BY j.id
    FOR NO KEY UPDATE`,
};

/**
 * Every delivery of locked jobs with its latest attempt, its ready row and its latest dead letter, which nobody discards
 * from here on.
 */
export const DELIVERY_STATES = {
  name: 'delivery_states',
  text: `
    SELECT j.id AS job_id, (d.item ->> 'delivery_id')::uuid AS delivery_id, (d.ordinality - 1)::int AS position,
      d.item ->> 'name' AS name, d.item ->> 'protocol' AS protocol,
      (d.item ->> 'destination_id')::uuid AS destination_id, NULLIF(d.item -> 'inline', 'null') AS inline,
      a.id AS attempt_id, a.attempt_number, a.status, a.error_code, a.error_message,
      r.leased_by IS NOT NULL AS in_flight, COALESCE(r.round_start, 0) AS round_start, l.status AS letter,
      j.options ->> 'ordering_key' AS ordering_key
    FROM distribution_jobs j
    CROSS JOIN LATERAL jsonb_array_elements(j.destinations) WITH ORDINALITY AS d (item, ordinality)
    CROSS JOIN LATERAL (
      SELECT id, attempt_number, status, error_code, error_message FROM distribution_attempts
      WHERE distribution_job_id = j.id AND destination_name = d.item ->> 'name'
      ORDER BY attempt_number DESC LIMIT 1
    ) a
    LEFT JOIN ready_attempts r ON r.delivery_id = (d.item ->> 'delivery_id')::uuid
    LEFT JOIN LATERAL (
      SELECT status FROM dead_letters WHERE delivery_id = (d.item ->> 'delivery_id')::uuid ORDER BY id DESC LIMIT 1
      FOR UPDATE
    ) l ON true
    WHERE j.id = ANY ($1::uuid[])
    ORDER BY j.id, d.ordinality`,
};

/**
 * Automatic retries that wait go out at the given time instead, with a new budget. One that a worker took meanwhile
 * is not returned: it is in flight.
 */
export const SUPERSEDE_RETRIES = {
  name: 'supersede_retries',
  text: `
    WITH wanted AS (
      SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS w (delivery_id, due_at)
    ),
    moved AS (
      UPDATE ready_attempts r
      SET due_at = COALESCE(w.due_at, now()), round_start = r.attempt_number - 1,
        expires_at = CASE WHEN r.expires_at > now() THEN r.expires_at END
      FROM wanted w WHERE r.delivery_id = w.delivery_id AND r.leased_by IS NULL
      RETURNING r.delivery_id, r.distribution_job_id, r.attempt_id
    ),
    marked AS (
      UPDATE distribution_attempts a SET metadata = a.metadata || $3::jsonb
      FROM moved m WHERE a.distribution_job_id = m.distribution_job_id AND a.id = m.attempt_id
    )
    SELECT delivery_id FROM moved`,
};

/**
 * Settled deliveries of locked jobs are open again, all in one statement:
 *
 * attempts, ready   the next attempt planned under the same delivery id, in a new round, with the rank of a retry; an
 *                   expiry that has passed no longer holds, one that is to come does; with an ordering key it goes
 *                   behind what waits, or back to its place where all that follow wait for it
 * jobs              counters, status, and the error of a destination that stays failed
 * completions       what the job's own times said of its completion, before they are overwritten
 * events            who replayed what, and why
 * batches           a job that was over is open again
 * letters           the dead letters of these deliveries are dealt with
 */
export const OPEN_AGAIN = {
  name: 'open_again',
  text: `
    WITH delivery AS (
      SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::smallint[], $8::uuid[],
        $9::uuid[], $10::timestamptz[])
      AS d (job_id, delivery_id, attempt_id, attempt_number, name, position, destination_id, lane_id, due_at)
    ),
    job AS (
      SELECT * FROM unnest($11::uuid[], $12::text[], $13::int[], $14::int[], $15::text[], $16::text[], $17::text[])
      AS j (id, was, reopened, failed, error_code, error_message, reason)
    ),
    before AS MATERIALIZED (
      SELECT j.id, j.completed_at, j.batch_id, job.was, job.reason
      FROM distribution_jobs j JOIN job USING (id)
    ),
    attempts AS (
      INSERT INTO distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_id,
        destination_name, attempt_number, metadata)
      SELECT attempt_id, $1, job_id, delivery_id, destination_id, name, attempt_number, $18::jsonb FROM delivery
    ),
    ready AS (
      INSERT INTO ready_attempts (delivery_id, tenant_id, distribution_job_id, attempt_id, attempt_number, round_start,
        destination_name, position, lane_id, rank, due_at, expires_at, ordering_key, ordering_seq)
      SELECT d.delivery_id, $1, d.job_id, d.attempt_id, d.attempt_number, d.attempt_number - 1, d.name, d.position,
        d.lane_id, 2 * array_position($19::text[], j.priority::text) - 1,
        CASE WHEN o.key IS NULL THEN COALESCE(d.due_at, now()) ELSE 'infinity' END,
        CASE WHEN j.expires_at > now() THEN j.expires_at END,
        md5(o.key)::uuid, CASE WHEN o.key IS NOT NULL THEN COALESCE(b.ordering_seq, nextval('ordering_seq')) END
      FROM delivery d
      JOIN distribution_jobs j ON j.id = d.job_id
      CROSS JOIN LATERAL (SELECT j.options ->> 'ordering_key') AS o (key)
      LEFT JOIN ordering_blocks b ON b.tenant_id = $1 AND b.delivery_id = d.delivery_id AND b.lane_id = d.lane_id
      ORDER BY d.job_id
    ),
    jobs AS (
      UPDATE distribution_jobs j
      SET open_deliveries = j.open_deliveries + job.reopened, failed_deliveries = j.failed_deliveries - job.failed,
        status = CASE WHEN job.reopened = 0 THEN j.status ELSE 'processing' END,
        completed_at = NULL, cancel_requested_at = NULL, error_code = job.error_code,
        error_message = job.error_message, updated_at = now()
      FROM job WHERE j.id = job.id
    ),
    completions AS (
      INSERT INTO distribution_job_events (tenant_id, distribution_job_id, from_status, to_status, actor, reason,
        occurred_at)
      SELECT $1, id, 'processing', 'completed', 'worker', 'every destination succeeded', completed_at
      FROM before WHERE was = 'completed'
    ),
    events AS (
      INSERT INTO distribution_job_events (tenant_id, distribution_job_id, from_status, to_status, actor, reason)
      SELECT $1, id, was, 'processing', $20, reason FROM before
    ),
    batches AS (
      UPDATE distribution_batches b
      SET open_distributions = b.open_distributions + d.reopened,
        failed_distributions = b.failed_distributions - d.failed,
        cancelled_distributions = b.cancelled_distributions - d.cancelled,
        status = 'processing', completed_at = NULL
      FROM (SELECT batch_id, count(*)::int AS reopened, count(*) FILTER (WHERE was = 'failed')::int AS failed,
              count(*) FILTER (WHERE was = 'cancelled')::int AS cancelled
            FROM before WHERE completed_at IS NOT NULL AND batch_id IS NOT NULL GROUP BY batch_id) d
      WHERE b.id = d.batch_id
    )
    UPDATE dead_letters l SET status = 'redriven', resolved_by = $20, resolved_at = now()
    FROM delivery d WHERE l.delivery_id = d.delivery_id AND l.status <> 'redriven'`,
};
