import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { type BatchId, type JobId, type TenantId } from '../kernel/ids';
import { describeJob, type JobDescription } from './describe';
import { eventsOf, type EventRow } from './events';
import { attemptsOf, type AttemptRow, findJob, type JobRow } from './rows';

export type JobStatus = { job: JobRow } & JobDescription;

export type LogRow = { attempt_id: string; level: string; message: string; created_at: Date };

export type BatchRow = {
  id: BatchId;
  tenant_id: string;
  status: 'processing' | 'completed';
  total_distributions: number;
  accepted_distributions: number;
  open_distributions: number;
  failed_distributions: number;
  cancelled_distributions: number;
  callback_url: string | null;
  created_at: Date;
  completed_at: Date | null;
};

export type BatchStatus = { batch: BatchRow; jobs: { distribution_id: string; status: string }[] };

const LOGS_OF_JOB = {
  name: 'logs_of_job',
  text: `
    SELECT attempt_id, level, message, created_at FROM attempt_logs
    WHERE distribution_job_id = $1 ORDER BY attempt_id, line_number`,
};

const EVENTS_OF_JOB = {
  name: 'events_of_job',
  text: `
    SELECT from_status, to_status, actor, reason, occurred_at FROM distribution_job_events
    WHERE distribution_job_id = $1 ORDER BY occurred_at, id`,
};

const BATCH_COLUMNS = `id, tenant_id, status, total_distributions, accepted_distributions, open_distributions,
  failed_distributions, cancelled_distributions, callback_url, created_at, completed_at`;

export const BATCH = {
  name: 'batch_by_id',
  text: `SELECT ${BATCH_COLUMNS} FROM distribution_batches WHERE id = $1`,
};

export const BATCHES = {
  name: 'batches_by_id',
  text: `SELECT ${BATCH_COLUMNS} FROM distribution_batches WHERE id = ANY ($1::uuid[])`,
};

const JOBS_OF_BATCH = {
  name: 'jobs_of_batch',
  text: `SELECT distribution_id, status FROM distribution_jobs WHERE batch_id = $1 ORDER BY id LIMIT 1000`,
};

export const logsOf = (tx: TenantTx, jobId: JobId): Promise<LogRow[]> =>
  tx.query<LogRow>(LOGS_OF_JOB, [jobId]);

/** What is known of a tenant's jobs; every answer is one transaction, so its parts agree. */
export class Tracking {
  constructor(private readonly tenants: TenantTransaction) {}

  status(tenantId: TenantId, distributionId: string): Promise<JobStatus | undefined> {
    return this.tenants.run(tenantId, async (tx) => {
      const job = await findJob(tx, distributionId);
      return job === undefined ? undefined : { job, ...describeJob(job, await attemptsOf(tx, job.id)) };
    });
  }

  attempts(
    tenantId: TenantId,
    distributionId: string,
  ): Promise<{ attempts: AttemptRow[]; logs: LogRow[] } | undefined> {
    return this.tenants.run(tenantId, async (tx) => {
      const job = await findJob(tx, distributionId);
      if (job === undefined) return undefined;
      return { attempts: await attemptsOf(tx, job.id), logs: await logsOf(tx, job.id) };
    });
  }

  events(tenantId: TenantId, distributionId: string): Promise<EventRow[] | undefined> {
    return this.tenants.run(tenantId, async (tx) => {
      const job = await findJob(tx, distributionId);
      return job === undefined ? undefined : eventsOf(job, await tx.query<EventRow>(EVENTS_OF_JOB, [job.id]));
    });
  }

  batch(tenantId: TenantId, batchId: BatchId): Promise<BatchStatus | undefined> {
    return this.tenants.run(tenantId, async (tx) => {
      const [batch] = await tx.query<BatchRow>(BATCH, [batchId]);
      if (batch === undefined) return undefined;
      return {
        batch,
        jobs: await tx.query<{ distribution_id: string; status: string }>(JOBS_OF_BATCH, [batchId]),
      };
    });
  }
}
