import { type Statement } from '../database/statement';
import { TABLES_OF_JOBS, TABLES_OF_PAST_JOBS, TABLES_OF_TENANT } from './tables';

const COLUMNS = `e.id, e.tenant_id, e.subject_path, encode(e.subject_hash, 'hex') AS subject_hash, e.dry_run, e.status,
  e.examined, e.unreadable, e.waiting, e.counts, e.created_by, e.created_at, e.completed_at`;

export const TENANT_STATE = {
  name: 'tenant_state',
  text: `SELECT status, erased_at FROM tenants`,
};

export const LOCK_TENANT = {
  name: 'lock_tenant',
  text: `${TENANT_STATE.text} FOR UPDATE`,
};

export const CLOSE_TENANT = {
  name: 'close_tenant',
  text: `UPDATE tenants SET status = 'inactive', updated_at = now()`,
};

export const RUNNING_ERASURE = {
  name: 'running_erasure',
  text: `SELECT id FROM erasures WHERE status = 'running'`,
};

export const INSERT_ERASURE = {
  name: 'insert_erasure',
  text: `
    INSERT INTO erasures (id, tenant_id, subject_path, subject_value, subject_hash, dry_run, created_by, request_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
};

/** Nothing comes back while another process is at a step of it. */
export const TAKE_ERASURE = {
  name: 'take_erasure',
  text: `
    SELECT ${COLUMNS}, e.subject_value, e.position, e.request_id,
      e.created_at < now() - make_interval(secs => $2) AS settled
    FROM erasures e WHERE e.id = $1 AND e.status = 'running'
    FOR UPDATE SKIP LOCKED`,
};

/** `counts` are added up table by table. */
export const RECORD_ERASURE_STEP = {
  name: 'record_erasure_step',
  text: `
    UPDATE erasures e
    SET position = COALESCE($2::uuid, position), examined = examined + $3, unreadable = unreadable + $4, waiting = $5,
      counts = (
        SELECT COALESCE(jsonb_object_agg(name, amount), '{}')
        FROM (SELECT name, sum(amount) AS amount
              FROM (SELECT key, value::int FROM jsonb_each_text(e.counts)
                    UNION ALL SELECT key, value::int FROM jsonb_each_text($6::jsonb)) added (name, amount)
              GROUP BY name) total
        WHERE amount > 0),
      status = CASE WHEN $7 THEN 'completed' ELSE status END,
      subject_value = CASE WHEN NOT $7 THEN subject_value END,
      completed_at = CASE WHEN $7 THEN now() END
    WHERE id = $1
    RETURNING ${COLUMNS}`,
};

export const ERASURE_BY_ID = {
  name: 'erasure_by_id',
  text: `SELECT ${COLUMNS} FROM erasures e WHERE e.id = $1`,
};

export const LATEST_ERASURES = {
  name: 'latest_erasures',
  text: `SELECT ${COLUMNS} FROM erasures e ORDER BY e.id DESC LIMIT 100`,
};

/** What remains: a row that says that there was a tenant of this id, and that the id is not given again. */
export const ERASE_TENANT_ROW = {
  name: 'erase_tenant_row',
  text: `
    UPDATE tenants SET name = 'erased', description = NULL, config = '{}', status = 'inactive', erased_at = now(),
      updated_at = now()`,
};

/** In the order in which recorders lock them (delivery/record.sql.ts). */
export const LOCK_ERASED_JOBS = {
  name: 'lock_erased_jobs',
  text: `
    SELECT id, options, open_deliveries, batch_id FROM distribution_jobs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
};

/** A batch's callback is sent from the batch's row, which goes with the last of its jobs. */
const CALLBACK_OF_JOBS = `(distribution_job_id = ANY ($1::uuid[]) OR batch_id = ANY (ARRAY(
  SELECT batch_id FROM distribution_jobs WHERE id = ANY ($1::uuid[]) AND batch_id IS NOT NULL)))`;

/** Callbacks that nobody is sending at this moment are kept from being sent. */
export const HOLD_CALLBACKS = {
  name: 'hold_callbacks',
  text: `
    SELECT id FROM distribution_callbacks
    WHERE ${CALLBACK_OF_JOBS} AND status = 'pending' AND (leased_by IS NULL OR due_at <= now())
    ORDER BY id
    FOR UPDATE SKIP LOCKED`,
};

/** Jobs of which something is being sent at this moment; $2 the callbacks that are held. */
export const BUSY_JOBS = {
  name: 'busy_jobs',
  text: `
    SELECT id FROM distribution_jobs WHERE id = ANY ($1::uuid[]) AND open_deliveries > 0
    UNION
    SELECT distribution_job_id FROM distribution_callbacks
    WHERE distribution_job_id = ANY ($1::uuid[]) AND status = 'pending' AND id <> ALL ($2::uuid[])
    UNION
    SELECT j.id FROM distribution_jobs j JOIN distribution_callbacks c ON c.batch_id = j.batch_id
    WHERE j.id = ANY ($1::uuid[]) AND c.status = 'pending' AND c.id <> ALL ($2::uuid[])`,
};

const JOBS = `
  WITH job AS MATERIALIZED (
    SELECT id, distribution_id, idempotency_key, destinations FROM distribution_jobs WHERE id = ANY ($1::uuid[])
  ),
  delivery AS MATERIALIZED (
    SELECT (d ->> 'delivery_id')::uuid AS delivery_id FROM job CROSS JOIN LATERAL jsonb_array_elements(destinations) d
  )`;

export type TableCounts = Record<string, number>;

const counted = (count: (table: string) => string): string =>
  Object.keys(TABLES_OF_JOBS)
    .map((table) => `(${count(table)})::int AS ${table}`)
    .join(', ');

/** Jobs $1 and everything that belongs to them; a row of one figure for each table. */
export const ERASE_JOBS = {
  name: 'erase_jobs',
  text: `${JOBS}, ${Object.entries(TABLES_OF_JOBS)
    .map(([table, where]) => `gone_${table} AS (DELETE FROM ${table} WHERE ${where} RETURNING 1)`)
    .join(', ')}
    SELECT ${counted((table) => `SELECT count(*) FROM gone_${table}`)}`,
};

export const COUNT_JOBS = {
  name: 'count_erased_jobs',
  text: `${JOBS}
    SELECT ${counted((table) => `SELECT count(*) FROM ${table} WHERE ${TABLES_OF_JOBS[table as keyof typeof TABLES_OF_JOBS]}`)}`,
};

/** Of the batches $1 those without a job left; after their jobs are gone. */
export const ERASE_BATCHES = {
  name: 'erase_batches',
  text: `
    WITH gone AS (
      DELETE FROM distribution_batches b
      WHERE id = ANY ($1::uuid[]) AND NOT EXISTS (SELECT FROM distribution_jobs j WHERE j.batch_id = b.id)
      RETURNING id
    ),
    callbacks AS (DELETE FROM distribution_callbacks WHERE batch_id IN (SELECT id FROM gone) RETURNING 1)
    SELECT (SELECT count(*)::int FROM gone) AS distribution_batches,
      (SELECT count(*)::int FROM callbacks) AS distribution_callbacks`,
};

const PORTION = 2000;

interface TableStatement {
  table: string;
  statement: Statement;
}

/** A portion of the rows of one table; $1 the tenant. */
const erasing = (what: string, table: string, where: string): TableStatement => ({
  table,
  statement: {
    name: `erase_${what}_${table}`,
    text: `
      WITH gone AS (
        DELETE FROM ${table}
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE tenant_id = $1 AND ${where} LIMIT ${PORTION}))
        RETURNING 1
      )
      SELECT count(*)::int AS rows FROM gone`,
  },
});

const counting = (what: string, table: string, where: string): TableStatement => ({
  table,
  statement: {
    name: `count_${what}_${table}`,
    text: `SELECT count(*)::int AS rows FROM ${table} WHERE tenant_id = $1 AND ${where}`,
  },
});

export interface OtherRows {
  /** One table after the other. */
  erase: readonly TableStatement[];
  count: readonly TableStatement[];
}

/** What a tenant has beside its jobs. */
export const ROWS_OF_TENANT: OtherRows = {
  erase: TABLES_OF_TENANT.map(([table]) => erasing('all', table, 'true')),
  count: TABLES_OF_TENANT.map(([table, counted]) => counting('all', table, counted)),
};

export const ROWS_OF_PAST_JOBS: OtherRows = {
  erase: TABLES_OF_PAST_JOBS.map(([table, past]) => erasing('past', table, past)),
  count: TABLES_OF_PAST_JOBS.map(([table, past]) => counting('past', table, past)),
};
