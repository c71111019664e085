import { toldOf } from '../callbacks/told.sql';

/** The tenant's own retention; what is no number of days counts as none. */
const DEAD_LETTER_DAYS = `
  SELECT CASE jsonb_typeof(config -> 'dead_letter_retention_days') WHEN 'number'
    THEN LEAST(GREATEST((config ->> 'dead_letter_retention_days')::numeric, 1), 3650)::int END
  FROM tenants WHERE id = $1`;

/**
 * Records what became of a tenant's deliveries. One pipeline, read from top to bottom:
 *
 * outcome     one row per delivery, as the worker decided
 * locked      their jobs, locked in one order, so that two recorders never wait for each other in a circle; a
 *             cancellation that came first is seen
 * settled     deliveries that are over: their ready row goes, if the lease is still ours: fence and attempt, because a
 *             replay makes a new row, whose fence begins anew
 * blocked     of these, the failed ones whose destination wants all that follow under their ordering key to wait
 * again       deliveries to repeat: the ready row moves on to the next attempt
 * accepted    outcomes whose lease was ours; all others are refused and change nothing
 * attempts …  the attempt's row completed, the next one planned, log lines written
 * dead        a dead letter for each delivery that failed; nothing is read or written for the others
 * tally       what the accepted outcomes mean for each job
 * jobs        counters, status and times of the job
 * events …    what the job's row does not say, callbacks and outcome events, the batch's counters, and the same for it
 */
export const RECORD_OUTCOMES = {
  name: 'record_outcomes',
  text: `
    WITH outcome AS (
      SELECT * FROM unnest(
        $2::uuid[], $3::int[], $4::uuid[], $5::uuid[], $6::text[], $7::timestamptz[], $8::timestamptz[],
        $9::int[], $10::text[], $11::text[], $12::text[], $13::float8[], $14::uuid[], $15::jsonb[])
      AS o (delivery_id, fence, job_id, attempt_id, result, started_at, completed_at,
        status_code, response_body, error_code, error_message, delay_seconds, next_attempt_id, metadata)
    ),
    locked AS MATERIALIZED (
      SELECT j.id, j.status, j.cancel_requested_at IS NOT NULL AS cancelling
      FROM (SELECT DISTINCT job_id FROM outcome ORDER BY job_id) o JOIN distribution_jobs j ON j.id = o.job_id
      FOR NO KEY UPDATE OF j
    ),
    settled AS (
      DELETE FROM ready_attempts r
      USING outcome o JOIN locked j ON j.id = o.job_id
      WHERE r.delivery_id = o.delivery_id AND r.attempt_id = o.attempt_id AND r.fence = o.fence AND r.leased_by IS NOT NULL
        AND (o.result IN ('success', 'failed', 'cancelled')
          OR (o.result = 'retry' AND j.cancelling))
      RETURNING r.delivery_id, NULL::timestamptz AS next_attempt_at,
        CASE o.result WHEN 'retry' THEN 'failed' ELSE o.result END AS result,
        r.lane_id, r.ordering_key, r.ordering_seq
    ),
    blocked AS (
      INSERT INTO ordering_blocks (tenant_id, delivery_id, lane_id, ordering_key, ordering_seq)
      SELECT $1, s.delivery_id, s.lane_id, s.ordering_key, s.ordering_seq
      FROM settled s JOIN destinations d ON d.id = s.lane_id
      WHERE s.ordering_key IS NOT NULL AND s.result = 'failed'
        AND d.deleted_at IS NULL AND d.configuration #>> '{ordering,on_failure}' = 'block'
      ON CONFLICT DO NOTHING
    ),
    again AS (
      UPDATE ready_attempts r
      SET attempt_id = o.next_attempt_id, attempt_number = r.attempt_number + 1, rank = r.rank | 1,
        leased_by = NULL, due_at = now() + make_interval(secs => o.delay_seconds)
      FROM outcome o JOIN locked j ON j.id = o.job_id
      WHERE r.delivery_id = o.delivery_id AND r.attempt_id = o.attempt_id AND r.fence = o.fence AND r.leased_by IS NOT NULL
        AND o.result = 'retry' AND NOT j.cancelling
      RETURNING r.delivery_id, r.due_at AS next_attempt_at, 'retry' AS result, r.attempt_number, r.destination_name,
        r.lane_id
    ),
    accepted AS (
      SELECT o.delivery_id, o.job_id, o.attempt_id, o.started_at, o.completed_at, o.status_code, o.response_body,
        o.error_code, o.error_message, o.metadata, s.result, s.next_attempt_at
      FROM outcome o
      JOIN (SELECT delivery_id, next_attempt_at, result FROM settled
            UNION ALL SELECT delivery_id, next_attempt_at, result FROM again) s USING (delivery_id)
    ),
    attempts AS (
      UPDATE distribution_attempts a
      SET status = x.result, started_at = x.started_at, completed_at = x.completed_at,
        response_status_code = x.status_code, response_body = x.response_body, error_code = x.error_code,
        error_message = x.error_message, metadata = a.metadata || x.metadata, next_attempt_at = x.next_attempt_at,
        retry_reason = CASE WHEN x.result = 'retry' THEN x.error_code END
      FROM accepted x
      WHERE a.distribution_job_id = x.job_id AND a.id = x.attempt_id
    ),
    next_attempts AS (
      INSERT INTO distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_id,
        destination_name, attempt_number)
      SELECT o.next_attempt_id, $1, o.job_id, o.delivery_id, p.destination_id, n.destination_name, n.attempt_number
      FROM again n
      JOIN outcome o USING (delivery_id)
      JOIN distribution_attempts p ON p.distribution_job_id = o.job_id AND p.id = o.attempt_id
    ),
    logs AS (
      INSERT INTO attempt_logs (tenant_id, distribution_job_id, attempt_id, line_number, level, message)
      SELECT $1, x.job_id, x.attempt_id, l.line_number, l.level, l.message
      FROM unnest($16::uuid[], $17::smallint[], $18::text[], $19::text[])
        AS l (attempt_id, line_number, level, message)
      JOIN accepted x USING (attempt_id)
    ),
    dead AS (
      INSERT INTO dead_letters (id, tenant_id, distribution_job_id, distribution_id, delivery_id, attempt_id,
        destination_id, destination_name, data_type, error_code, error_message, attempts, expires_at)
      SELECT o.next_attempt_id, $1, x.job_id, j.distribution_id, x.delivery_id, x.attempt_id, a.destination_id,
        a.destination_name, j.data_type, x.error_code, x.error_message,
        a.attempt_number - CASE WHEN x.started_at IS NULL THEN 1 ELSE 0 END,
        now() + make_interval(days => COALESCE((${DEAD_LETTER_DAYS}), $21::int))
      FROM accepted x
      JOIN outcome o USING (delivery_id)
      JOIN distribution_attempts a ON a.distribution_job_id = x.job_id AND a.id = x.attempt_id
      JOIN distribution_jobs j ON j.id = x.job_id
      WHERE x.result = 'failed'
    ),
    tally AS (
      SELECT job_id, min(started_at) AS started_at,
        count(*) FILTER (WHERE result <> 'retry')::int AS settled,
        count(*) FILTER (WHERE result = 'failed')::int AS failed,
        count(*) FILTER (WHERE result = 'retry')::int AS retries,
        max(error_code) FILTER (WHERE result = 'failed') AS error_code,
        max(error_message) FILTER (WHERE result = 'failed') AS error_message
      FROM accepted GROUP BY job_id
    ),
    jobs AS (
      UPDATE distribution_jobs j
      SET open_deliveries = j.open_deliveries - t.settled,
        failed_deliveries = j.failed_deliveries + t.failed,
        retry_count = j.retry_count + t.retries,
        status = CASE
          WHEN j.open_deliveries > t.settled THEN 'processing'
          WHEN was.cancelling THEN 'cancelled'
          WHEN j.failed_deliveries + t.failed > 0 THEN 'failed'
          ELSE 'completed' END,
        started_at = CASE WHEN t.started_at IS NULL THEN j.started_at
          ELSE LEAST(j.started_at, GREATEST(t.started_at, j.created_at)) END,
        completed_at = CASE WHEN j.open_deliveries = t.settled THEN now() END,
        error_code = COALESCE(j.error_code, t.error_code),
        error_message = COALESCE(j.error_message, t.error_message),
        updated_at = now()
      FROM tally t JOIN locked was ON was.id = t.job_id
      WHERE j.id = was.id
      RETURNING j.id, j.status, j.started_at, j.completed_at, j.callback_url, j.batch_id, j.error_message
    ),
    events AS (
      INSERT INTO distribution_job_events (tenant_id, distribution_job_id, from_status, to_status, actor, reason)
      SELECT $1, id, CASE WHEN started_at IS NULL THEN 'pending' ELSE 'processing' END, status, $20,
        CASE status WHEN 'cancelled' THEN 'cancelled' ELSE COALESCE(error_message, 'a destination failed') END
      FROM jobs WHERE status IN ('failed', 'cancelled')
    ),
    callbacks AS (
      INSERT INTO distribution_callbacks (id, tenant_id, distribution_job_id, event_type, channel, callback_url)
      SELECT gen_random_uuid(), $1, j.id, 'distribution.' || j.status, told.channel, told.callback_url
      FROM jobs j CROSS JOIN LATERAL ${toldOf(`'distribution.' || j.status`, 'j.callback_url')} told
      WHERE j.completed_at IS NOT NULL
    ),
    attempt_callbacks AS (
      INSERT INTO distribution_callbacks (id, tenant_id, distribution_job_id, attempt_id, event_type, callback_url)
      SELECT gen_random_uuid(), $1, j.id, x.attempt_id, e.event_type, j.callback_url
      FROM accepted x
      JOIN distribution_jobs j ON j.id = x.job_id
      CROSS JOIN LATERAL (SELECT CASE x.result WHEN 'success' THEN 'attempt.succeeded' ELSE 'attempt.failed' END) AS e (event_type)
      WHERE j.callback -> 'events' ? e.event_type AND x.result <> 'cancelled'
    ),
    batches AS (
      UPDATE distribution_batches b
      SET open_distributions = b.open_distributions - d.done,
        failed_distributions = b.failed_distributions + d.failed,
        cancelled_distributions = b.cancelled_distributions + d.cancelled,
        status = CASE WHEN b.open_distributions = d.done THEN 'completed' ELSE b.status END,
        completed_at = CASE WHEN b.open_distributions = d.done THEN now() END
      FROM (SELECT batch_id, count(*)::int AS done, count(*) FILTER (WHERE status = 'failed')::int AS failed,
              count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled
            FROM jobs WHERE completed_at IS NOT NULL AND batch_id IS NOT NULL GROUP BY batch_id) d
      WHERE b.id = d.batch_id
      RETURNING b.id, b.completed_at, b.callback_url
    ),
    batch_callbacks AS (
      INSERT INTO distribution_callbacks (id, tenant_id, batch_id, event_type, channel, callback_url)
      SELECT gen_random_uuid(), $1, b.id, 'batch.completed', told.channel, told.callback_url
      FROM batches b CROSS JOIN LATERAL ${toldOf(`'batch.completed'`, 'b.callback_url')} told
      WHERE b.completed_at IS NOT NULL
    )
    SELECT delivery_id FROM accepted`,
};
