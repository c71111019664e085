import { SLACK_SECONDS } from '../kernel/priority';
import { DRAINED, HELD, LIMITED } from './lane-store.sql';

const RANKS = SLACK_SECONDS.map((seconds, rank) => `(${rank}::smallint, interval '${seconds} s')`).join(', ');

/**
 * Takes what is due in the lanes that the worker chose, so many of each, and leases it to a node. Rows of other lanes
 * are not read. Rows that another node is taking at this moment are skipped. A lease that has run out is due again by
 * itself: `due_at` is the end of the lease.
 *
 * lane      those that may be claimed at this moment, whatever the worker believed: not held by its tenant or by
 *           maintenance, and, where it is in care, owned by this node
 * due       in each lane rank by rank, the one first whose oldest delivery is the most urgent; from one rank in the
 *           order of due_at
 *
 * $1 node, $2 tenants, $3 lanes, $4 most of each lane, $5 lease in seconds
 */
export const CLAIM_DUE = {
  name: 'claim_due',
  text: `
    WITH lane AS (
      SELECT l.lane_id, l.quota
      FROM unnest($2::text[], $3::uuid[], $4::int[]) AS l (tenant_id, lane_id, quota)
      JOIN tenants t ON t.id = l.tenant_id
      LEFT JOIN destinations d ON d.id = l.lane_id
      LEFT JOIN lanes c ON c.tenant_id = l.tenant_id AND c.lane_id = l.lane_id
      WHERE ${HELD} IS NOT TRUE
        AND (${DRAINED}
          OR (c.lane_id IS NULL AND NOT ${LIMITED})
          OR (c.owned_by = $1 AND c.owned_until > now()))
    ),
    due AS (
      SELECT r.delivery_id
      FROM lane l
      CROSS JOIN LATERAL (
        SELECT r.delivery_id
        FROM (
          SELECT s.rank
          FROM (VALUES ${RANKS}) AS s (rank, slack)
          CROSS JOIN LATERAL (
            SELECT due_at FROM ready_attempts r
            WHERE r.lane_id = l.lane_id AND r.rank = s.rank AND r.due_at <= now()
            ORDER BY due_at
            LIMIT 1
          ) oldest
          ORDER BY oldest.due_at + s.slack
        ) urgent
        CROSS JOIN LATERAL (
          SELECT delivery_id FROM ready_attempts r
          WHERE r.lane_id = l.lane_id AND r.rank = urgent.rank AND r.due_at <= now()
          ORDER BY due_at
          LIMIT l.quota
          FOR UPDATE SKIP LOCKED
        ) r
        LIMIT l.quota
      ) r
    ),
    claimed AS (
      UPDATE ready_attempts r
      SET leased_by = $1, fence = r.fence + 1, due_at = now() + make_interval(secs => $5)
      FROM due WHERE r.delivery_id = due.delivery_id
      RETURNING r.delivery_id, r.tenant_id, r.distribution_job_id, r.attempt_id, r.attempt_number,
        r.round_start, r.destination_name, r.position, r.lane_id, r.expires_at, r.fence
    )
    SELECT c.delivery_id, c.tenant_id, c.distribution_job_id, c.attempt_id, c.attempt_number,
      c.round_start, c.destination_name, c.lane_id, c.fence,
      COALESCE(c.expires_at <= now(), false) AS expired,
      j.cancel_requested_at IS NOT NULL AS cancelled,
      j.distribution_id, j.data_type, j.payload::text AS payload, j.created_at AS accepted_at, j.max_retries,
      j.correlation_id, j.options, j.destinations -> c.position AS destination,
      d.version AS destination_version, d.status AS destination_status, d.deleted_at IS NOT NULL AS destination_deleted
    FROM claimed c
    JOIN distribution_jobs j ON j.id = c.distribution_job_id
    LEFT JOIN destinations d ON d.id = (j.destinations -> c.position ->> 'destination_id')::uuid`,
};

/**
 * A delivery that takes longer than its lease keeps it, as long as its node is alive. A row that is locked is being
 * recorded at this moment and needs no extension.
 */
export const EXTEND_LEASES = {
  name: 'extend_leases',
  text: `
    UPDATE ready_attempts SET due_at = now() + make_interval(secs => $2)
    WHERE delivery_id IN (
      SELECT delivery_id FROM ready_attempts
      WHERE leased_by = $1 AND delivery_id = ANY ($3::uuid[])
      FOR UPDATE SKIP LOCKED
    )`,
};

/** Gives back at once what a stopping node will not send any more; the fence stays, so a late outcome is refused. */
export const RELEASE_LEASES = {
  name: 'release_leases',
  text: `
    UPDATE ready_attempts SET due_at = now(), leased_by = NULL, fence = fence + 1
    WHERE leased_by = $1 AND delivery_id = ANY ($2::uuid[])`,
};

/**
 * What waits, and for how long: for metrics and readiness. `waiting`: behind an earlier delivery of its ordering key.
 */
export const QUEUE_DEPTH = {
  name: 'queue_depth',
  text: `
    SELECT count(*) FILTER (WHERE leased_by IS NULL AND due_at <= now())::int AS due,
      count(*) FILTER (WHERE leased_by IS NULL AND due_at > now() AND due_at < 'infinity')::int AS scheduled,
      count(*) FILTER (WHERE due_at = 'infinity')::int AS waiting,
      count(*) FILTER (WHERE leased_by IS NOT NULL)::int AS in_flight,
      COALESCE(extract(epoch FROM now() - min(due_at) FILTER (WHERE leased_by IS NULL AND due_at <= now())), 0)::float8
        AS oldest_due_seconds
    FROM ready_attempts`,
};

/**
 * Old versions of queue rows that vacuum has not taken away. They grow while somebody keeps a transaction open that
 * could still see them, and every claim steps over them. Other sessions' transactions themselves are not ours to see.
 */
export const DEAD_ROWS = {
  name: 'ready_dead_rows',
  text: `SELECT n_dead_tup::int AS dead FROM pg_stat_all_tables WHERE relid = 'ready_attempts'::regclass`,
};
