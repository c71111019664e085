import { toldOf } from '../callbacks/told.sql';

/**
 * Jobs with their first attempts and ready rows, all or nothing per job, any number of jobs of one tenant.
 *
 * keyed      jobs with an idempotency key that is new, and jobs without one
 * named      of these, those whose distribution_id is new: the jobs that are accepted
 * accepted   with their expiry; one that came to pass since the job was checked is the next moment's
 * jobs …     the rows of an accepted job; with an ordering key its deliveries wait, until planning/ordering.ts lets
 *            them go
 *
 * A job that loses `named` after it won `keyed` leaves a key behind; the caller takes it back
 * (intake/accept.ts) in the same transaction.
 */
export const STORE_JOBS = {
  name: 'store_jobs',
  text: `
    WITH job AS (
      SELECT * FROM unnest(
        $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[], $8::text[],
        $9::timestamptz[], $10::timestamptz[], $11::float8[], $12::int[], $13::jsonb[], $14::jsonb[],
        $15::jsonb[], $16::jsonb[], $17::text[], $18::bytea[], $19::text[], $20::uuid[], $21::text[], $22::int[])
      AS j (id, distribution_id, priority, data_type, payload, destinations, callback_url,
        deliver_at, expires_at, ttl_seconds, max_retries, metadata, options,
        callback, plan, idempotency_key, request_hash, correlation_id, batch_id, submitted_by, deliveries)
    ),
    delivery AS (
      SELECT * FROM unnest(
        $23::uuid[], $24::uuid[], $25::uuid[], $26::uuid[], $27::text[], $28::smallint[], $29::uuid[], $30::smallint[])
        WITH ORDINALITY
      AS d (job_id, delivery_id, attempt_id, destination_id, destination_name, position, lane_id, rank, place)
    ),
    new_keys AS (
      INSERT INTO idempotency_keys (tenant_id, idempotency_key, distribution_job_id, request_hash)
      SELECT $1, idempotency_key, id, request_hash FROM job WHERE idempotency_key IS NOT NULL
      ON CONFLICT DO NOTHING
      RETURNING distribution_job_id AS id
    ),
    keyed AS (
      SELECT id FROM job WHERE idempotency_key IS NULL
      UNION ALL
      SELECT id FROM new_keys
    ),
    named AS (
      INSERT INTO distribution_keys (tenant_id, distribution_id, distribution_job_id, request_hash)
      SELECT $1, distribution_id, id, request_hash FROM job JOIN keyed USING (id)
      ON CONFLICT DO NOTHING
      RETURNING distribution_job_id AS id
    ),
    accepted AS (
      SELECT job.*, (deliveries = 0) AS done, options ->> 'ordering_key' AS ordering_key,
        CASE WHEN expires_at IS NOT NULL OR ttl_seconds IS NOT NULL
          THEN GREATEST(COALESCE(expires_at, now() + make_interval(secs => ttl_seconds)), now() + interval '1 ms')
        END AS expiry
      FROM job JOIN named USING (id)
    ),
    jobs AS (
      INSERT INTO distribution_jobs (id, tenant_id, distribution_id, status, priority, data_type, payload,
        destinations, callback_url, deliver_at, expires_at, max_retries, metadata, options, callback, plan,
        idempotency_key, correlation_id, batch_id, submitted_by, open_deliveries, started_at, completed_at)
      SELECT id, $1, distribution_id, CASE WHEN done THEN 'completed' ELSE 'pending' END, priority, data_type,
        payload, destinations, callback_url, deliver_at, expiry, max_retries, metadata, options, callback, plan,
        idempotency_key, correlation_id, batch_id, submitted_by, deliveries,
        CASE WHEN done THEN now() END, CASE WHEN done THEN now() END
      FROM accepted
    ),
    attempts AS (
      INSERT INTO distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_id,
        destination_name, attempt_number)
      SELECT d.attempt_id, $1, d.job_id, d.delivery_id, d.destination_id, d.destination_name, 1
      FROM delivery d JOIN named n ON n.id = d.job_id
    ),
    ready AS (
      INSERT INTO ready_attempts (delivery_id, tenant_id, distribution_job_id, attempt_id, attempt_number,
        destination_name, position, lane_id, rank, due_at, expires_at, ordering_key, ordering_seq)
      SELECT d.delivery_id, $1, d.job_id, d.attempt_id, 1, d.destination_name, d.position, d.lane_id, d.rank,
        CASE WHEN a.ordering_key IS NULL THEN COALESCE(a.deliver_at, now()) ELSE 'infinity' END, a.expiry,
        md5(a.ordering_key)::uuid, CASE WHEN a.ordering_key IS NOT NULL THEN nextval('ordering_seq') END
      FROM delivery d JOIN accepted a ON a.id = d.job_id
      ORDER BY d.place
    ),
    callbacks AS (
      INSERT INTO distribution_callbacks (id, tenant_id, distribution_job_id, event_type, channel, callback_url)
      SELECT gen_random_uuid(), $1, a.id, 'distribution.completed', told.channel, told.callback_url
      FROM accepted a CROSS JOIN LATERAL ${toldOf(`'distribution.completed'`, 'a.callback_url')} told
      WHERE a.done
    )
    SELECT id, now() AS created_at FROM accepted`,
};
