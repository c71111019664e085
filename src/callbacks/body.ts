import { type TenantTx } from '../database/tenant-transaction';
import { type BatchId, type JobId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { describeJob } from '../tracking/describe';
import { attemptsOf, JOB_COLUMNS, type JobRow } from '../tracking/rows';
import { BATCH, type BatchRow } from '../tracking/tracking';
import { type ClaimedCallback } from './claim';

/** What a callback says and how it is to be addressed. Sealed headers are the caller's to open. */
export interface CallbackMessage {
  subject: { distributionId: string; dataType: string; correlationId: string };
  headers: JsonObject;
  body: object;
}

type JobWithCallback = JobRow & { callback: { headers?: JsonObject } | null };

const JOB_WITH_CALLBACK = {
  name: 'job_with_callback',
  text: `SELECT ${JOB_COLUMNS}, j.callback FROM distribution_jobs j WHERE j.id = $1`,
};

/** Undefined when the job or batch has left by retention. */
export async function messageOf(
  tx: TenantTx,
  callback: ClaimedCallback,
): Promise<CallbackMessage | undefined> {
  if (callback.batch_id !== null) return batchMessage(tx, callback, callback.batch_id);
  return callback.distribution_job_id === null
    ? undefined
    : jobMessage(tx, callback, callback.distribution_job_id);
}

async function jobMessage(
  tx: TenantTx,
  callback: ClaimedCallback,
  jobId: JobId,
): Promise<CallbackMessage | undefined> {
  const [job] = await tx.query<JobWithCallback>(JOB_WITH_CALLBACK, [jobId]);
  if (job === undefined) return undefined;
  const attempts = await attemptsOf(tx, jobId);
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

async function batchMessage(
  tx: TenantTx,
  callback: ClaimedCallback,
  batchId: BatchId,
): Promise<CallbackMessage | undefined> {
  const [batch] = await tx.query<BatchRow>(BATCH, [batchId]);
  if (batch === undefined) return undefined;
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
