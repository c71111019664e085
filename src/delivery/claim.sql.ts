/**
 * Takes what is due, most urgent first, oldest first among equals, and leases it to a node. Rows that another
 * node is taking at this moment are skipped; lanes that have no room are left alone. A lease that has run out is
 * due again by itself: `due_at` is the end of the lease.
 *
 * $1 node, $2 most rows, $3 lease in seconds, $4 lanes without room
 */
export const CLAIM_DUE = {
  name: 'claim_due',
  text: `
    WITH due AS (
      SELECT r.delivery_id
      FROM unnest('{0,1,2,3}'::smallint[]) AS p (priority)
      CROSS JOIN LATERAL (
        SELECT delivery_id FROM ready_attempts
        WHERE priority = p.priority AND due_at <= now() AND lane_id <> ALL ($4::uuid[])
        ORDER BY due_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
      ) r
      LIMIT $2
    ),
    claimed AS (
      UPDATE ready_attempts r
      SET leased_by = $1, fence = r.fence + 1, due_at = now() + make_interval(secs => $3)
      FROM due WHERE r.delivery_id = due.delivery_id
      RETURNING r.delivery_id, r.tenant_id, r.distribution_job_id, r.attempt_id, r.attempt_number,
        r.destination_name, r.position, r.lane_id, r.expires_at, r.fence
    )
    SELECT c.delivery_id, c.tenant_id, c.distribution_job_id, c.attempt_id, c.attempt_number,
      c.destination_name, c.lane_id, c.fence,
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

/** Whether anything is waiting, and since when: for metrics and readiness. */
export const QUEUE_DEPTH = {
  name: 'queue_depth',
  text: `
    SELECT count(*) FILTER (WHERE leased_by IS NULL AND due_at <= now())::int AS due,
      count(*) FILTER (WHERE leased_by IS NULL AND due_at > now())::int AS scheduled,
      count(*) FILTER (WHERE leased_by IS NOT NULL)::int AS in_flight
    FROM ready_attempts`,
};
