import { type TenantTx } from '../database/tenant-transaction';
import { type AttemptId, type BatchId, type DeliveryId, type JobId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';

/** What is stored of a job, without its payload. `leased` = a worker holds a delivery of it at this moment. */
export type JobRow = {
  id: JobId;
  tenant_id: string;
  distribution_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  priority: string;
  data_type: string;
  destinations: { delivery_id: DeliveryId; name: string; protocol: string }[];
  callback_url: string | null;
  created_at: Date;
  started_at: Date | null;
  completed_at: Date | null;
  expires_at: Date | null;
  deliver_at: Date | null;
  error_code: string | null;
  error_message: string | null;
  metadata: JsonObject;
  plan: { outcome: string; reasons: JsonObject[]; rules_version?: string | null };
  idempotency_key: string | null;
  correlation_id: string;
  submitted_by: string;
  batch_id: BatchId | null;
  cancel_requested_at: Date | null;
};

export type AttemptRow = {
  id: AttemptId;
  delivery_id: DeliveryId;
  destination_name: string;
  attempt_number: number;
  status: 'pending' | 'processing' | 'success' | 'failed' | 'retry' | 'cancelled';
  started_at: Date | null;
  completed_at: Date | null;
  response_status_code: number | null;
  response_body: string | null;
  error_code: string | null;
  error_message: string | null;
  retry_reason: string | null;
  next_attempt_at: Date | null;
  metadata: JsonObject;
};

/**
 * A job counts as processing from the moment a worker holds one of its deliveries, which is known from the
 * ready table before anything is recorded. The same expression for status, list and filters.
 */
export const EFFECTIVE_STATUS = `
  CASE WHEN j.status = 'pending' AND EXISTS (
    SELECT FROM jsonb_array_elements(j.destinations) d
    JOIN ready_attempts r ON r.delivery_id = (d ->> 'delivery_id')::uuid
    WHERE r.leased_by IS NOT NULL
  ) THEN 'processing' ELSE j.status END`;

/** Everything but payload, options and callback headers, which may hold what is not for reading. */
export const JOB_COLUMNS = `
  j.id, j.tenant_id, j.distribution_id, ${EFFECTIVE_STATUS} AS status, j.priority, j.data_type, j.destinations,
  j.callback_url, j.created_at, j.started_at, j.completed_at, j.expires_at, j.deliver_at, j.error_code, j.error_message,
  j.metadata, j.plan, j.idempotency_key, j.correlation_id, j.submitted_by, j.batch_id,
  j.cancel_requested_at`;

const JOB_BY_NAME = {
  name: 'job_by_name',
  text: `
    SELECT ${JOB_COLUMNS}
    FROM distribution_keys k JOIN distribution_jobs j ON j.id = k.distribution_job_id
    WHERE k.distribution_id = $1`,
};

export async function findJob(tx: TenantTx, distributionId: string): Promise<JobRow | undefined> {
  const [job] = await tx.query<JobRow>(JOB_BY_NAME, [distributionId]);
  return job;
}

const ATTEMPT = `a.id, a.delivery_id, a.destination_name, a.attempt_number,
  CASE WHEN a.status = 'pending' AND r.leased_by IS NOT NULL THEN 'processing' ELSE a.status END AS status,
  a.started_at, a.completed_at, a.response_status_code, a.error_code, a.error_message, a.retry_reason,
  COALESCE(a.next_attempt_at, CASE WHEN r.leased_by IS NULL THEN NULLIF(r.due_at, 'infinity') END) AS next_attempt_at,
  a.metadata`;

const ATTEMPTS_OF_JOB = {
  name: 'attempts_of_job',
  text: `
    SELECT ${ATTEMPT}, a.response_body
    FROM distribution_attempts a
    LEFT JOIN ready_attempts r ON r.delivery_id = a.delivery_id AND r.attempt_id = a.id
    WHERE a.distribution_job_id = $1
    ORDER BY a.destination_name, a.attempt_number`,
};

export const attemptsOf = (tx: TenantTx, jobId: JobId): Promise<AttemptRow[]> =>
  tx.query<AttemptRow>(ATTEMPTS_OF_JOB, [jobId]);

const ATTEMPTS_OF_JOBS = {
  name: 'attempts_of_jobs',
  text: `
    SELECT a.distribution_job_id, ${ATTEMPT}, NULL AS response_body
    FROM unnest($1::uuid[]) AS job (id)
    JOIN distribution_attempts a ON a.distribution_job_id = job.id
    LEFT JOIN ready_attempts r ON r.delivery_id = a.delivery_id AND r.attempt_id = a.id
    ORDER BY a.destination_name, a.attempt_number`,
};

/** By job, without what receivers answered; a job that has none is not in it. */
export async function attemptsOfJobs(
  tx: TenantTx,
  jobIds: readonly JobId[],
): Promise<Map<JobId, AttemptRow[]>> {
  const attempts = new Map<JobId, AttemptRow[]>();
  if (jobIds.length === 0) return attempts;
  type Row = AttemptRow & { distribution_job_id: JobId };
  for (const row of await tx.query<Row>(ATTEMPTS_OF_JOBS, [jobIds])) {
    const known = attempts.get(row.distribution_job_id);
    if (known === undefined) attempts.set(row.distribution_job_id, [row]);
    else known.push(row);
  }
  return attempts;
}
