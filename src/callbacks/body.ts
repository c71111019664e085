import { GroupCommit } from '../database/group-commit';
import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { type BatchId, type JobId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { describeJob } from '../tracking/describe';
import { type AttemptRow, attemptsOfJobs, JOB_COLUMNS, type JobRow } from '../tracking/rows';
import { BATCHES, type BatchRow } from '../tracking/tracking';
import { type ClaimedCallback } from './claim';

/** What a callback says and how it is to be addressed. Sealed headers are the caller's to open. */
export interface CallbackMessage {
  subject: { distributionId: string; dataType: string; correlationId: string };
  headers: JsonObject;
  body: object;
}

type JobWithCallback = JobRow & { callback: { headers?: JsonObject } | null };

const JOBS_WITH_CALLBACK = {
  name: 'jobs_with_callback',
  text: `
    SELECT ${JOB_COLUMNS}, j.callback
    FROM unnest($1::uuid[]) AS wanted (id) JOIN distribution_jobs j ON j.id = wanted.id`,
};

/** Undefined when the job or batch has left by retention. Many of a tenant's are read together. */
export const messageReader = (
  tenants: TenantTransaction,
): GroupCommit<ClaimedCallback, CallbackMessage | undefined> =>
  new GroupCommit({ mostTogether: 100, sideBySide: 2, paceMs: 0 }, (tenantId, callbacks) =>
    tenants.run(tenantId, (tx) => messagesOf(tx, callbacks)),
  );

async function messagesOf(
  tx: TenantTx,
  callbacks: readonly ClaimedCallback[],
): Promise<(CallbackMessage | undefined)[]> {
  const jobIds = idsOf(callbacks.map(({ distribution_job_id: id }) => id));
  const batchIds = idsOf(callbacks.map(({ batch_id: id }) => id));
  const jobs = byId(jobIds.length === 0 ? [] : await tx.query<JobWithCallback>(JOBS_WITH_CALLBACK, [jobIds]));
  const attempts = await attemptsOfJobs(tx, jobIds);
  const batches = byId(batchIds.length === 0 ? [] : await tx.query<BatchRow>(BATCHES, [batchIds]));
  return callbacks.map((callback) => {
    const job = jobs.get(callback.distribution_job_id as JobId);
    if (job !== undefined) return jobMessage(callback, job, attempts.get(job.id) ?? []);
    const batch = batches.get(callback.batch_id as BatchId);
    return batch === undefined ? undefined : batchMessage(callback, batch);
  });
}

const idsOf = <Id>(ids: readonly (Id | null)[]): Id[] => [...new Set(ids.filter((id) => id !== null))];

const byId = <Row extends { id: unknown }>(rows: readonly Row[]): Map<Row['id'], Row> =>
  new Map(rows.map((row) => [row.id, row]));

function jobMessage(
  callback: ClaimedCallback,
  job: JobWithCallback,
  attempts: readonly AttemptRow[],
): CallbackMessage {
  const { destinations, metrics } = describeJob(job, attempts);
  const attempt = attempts.find(({ id }) => id === callback.attempt_id);
  return {
    subject: {
      distributionId: job.distribution_id,
      dataType: job.data_type,
      correlationId: job.correlation_id,
    },
    headers: job.callback?.headers ?? {},
    body: {
      event_type: callback.event_type,
      distribution_id: job.distribution_id,
      tenant_id: job.tenant_id,
      status: job.status,
      completed_at: job.completed_at,
      ...(attempt === undefined
        ? {}
        : { attempt: { destination: attempt.destination_name, attempt_number: attempt.attempt_number } }),
      destinations: destinations.map(({ name, status, attempts: made, response_time_ms, error_code }) => ({
        name,
        status,
        attempts: made,
        response_time_ms,
        error_code,
      })),
      metrics,
    },
  };
}

function batchMessage(callback: ClaimedCallback, batch: BatchRow): CallbackMessage {
  const { accepted_distributions: accepted, failed_distributions: failed } = batch;
  const completed = accepted - failed - batch.cancelled_distributions - batch.open_distributions;
  return {
    subject: { distributionId: batch.id, dataType: 'batch', correlationId: batch.id },
    headers: {},
    body: {
      event_type: callback.event_type,
      batch_id: batch.id,
      tenant_id: batch.tenant_id,
      status: batch.status,
      completed_at: batch.completed_at,
      summary: {
        total_distributions: batch.total_distributions,
        completed_distributions: completed,
        failed_distributions: failed,
        cancelled_distributions: batch.cancelled_distributions,
        success_rate: accepted === 0 ? 0 : completed / accepted,
      },
    },
  };
}
