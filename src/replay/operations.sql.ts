const COLUMNS = `o.id, o.kind, o.status, o.selection, o.reason, o.rate_per_second, o.position, o.next_due_at, o.examined,
  o.done, o.skipped, o.created_by, o.created_at, o.completed_at`;

/** So that two requests do not both count one too few. */
export const LOCK_TENANT_OPERATIONS = {
  name: 'lock_tenant_operations',
  text: `SELECT pg_advisory_xact_lock(hashtext('bulk_operations'), hashtext($1))`,
};

export const COUNT_RUNNING = {
  name: 'count_running_operations',
  text: `SELECT count(*)::int AS running FROM bulk_operations WHERE status = 'running'`,
};

export const INSERT_OPERATION = {
  name: 'insert_operation',
  text: `
    INSERT INTO bulk_operations (id, tenant_id, kind, selection, reason, rate_per_second, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7)`,
};

/** Nothing comes back while another process is at a step of it. */
export const TAKE_OPERATION = {
  name: 'take_operation',
  text: `
    SELECT ${COLUMNS}, GREATEST(o.next_due_at, now()) AS start_at,
      o.next_due_at > now() + make_interval(secs => $2) AS ahead
    FROM bulk_operations o WHERE o.id = $1 AND o.status = 'running'
    FOR UPDATE SKIP LOCKED`,
};

export const RECORD_STEP = {
  name: 'record_step',
  text: `
    UPDATE bulk_operations
    SET position = COALESCE($2::uuid, position), next_due_at = $3, examined = examined + $4, done = done + $5,
      skipped = skipped + $6, status = CASE WHEN $7 THEN 'completed' ELSE status END,
      completed_at = CASE WHEN $7 THEN now() END
    WHERE id = $1`,
};

export const CANCEL_OPERATION = {
  name: 'cancel_operation',
  text: `
    UPDATE bulk_operations o SET status = 'cancelled', completed_at = now()
    WHERE o.id = $1 AND o.status = 'running'
    RETURNING ${COLUMNS}`,
};

export const OPERATION_BY_ID = {
  name: 'operation_by_id',
  text: `SELECT ${COLUMNS} FROM bulk_operations o WHERE o.id = $1`,
};

export const LATEST_OPERATIONS = {
  name: 'latest_operations',
  text: `SELECT ${COLUMNS} FROM bulk_operations o ORDER BY o.id DESC LIMIT 100`,
};

/**
 * Dead letters that nobody else is at: one that is locked is being redriven, and the redrive wins.
 * Ordered by id, which the position follows.
 */
export const DISCARD_LETTERS = {
  name: 'discard_letters',
  text: `
    UPDATE dead_letters l SET status = 'discarded', reason = $2, resolved_by = $3, resolved_at = now()
    FROM (
      SELECT id FROM dead_letters WHERE id = ANY ($1::uuid[]) AND status = 'dead' ORDER BY id
      FOR UPDATE SKIP LOCKED
    ) d
    WHERE l.id = d.id
    RETURNING l.id`,
};
