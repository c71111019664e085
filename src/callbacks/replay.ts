import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { type BatchId, type CallbackId, type JobId, type TenantId } from '../kernel/ids';
import { about, audit } from '../tenants/audit';
import { type TenantCaller } from '../tenants/scopes';
import { findJob } from '../tracking/rows';
import { BATCH } from '../tracking/tracking';
import { type CallbackChannel, type CallbackEvent } from './claim';

/** Whose callbacks: a job's, by its distribution id, or a batch's. */
export type CallbackSubject = { distributionId: string } | { batchId: BatchId };

export type CallbackRow = {
  id: CallbackId;
  event_type: CallbackEvent;
  channel: CallbackChannel;
  callback_url: string | null;
  status: 'pending' | 'delivered' | 'failed';
  attempts: number;
  next_attempt_at: Date | null;
  response_status_code: number | null;
  error_code: string | null;
  error_message: string | null;
  history: object[];
  created_at: Date;
  completed_at: Date | null;
};

export interface CallbackReplayRequest {
  /** Undefined = every callback of the subject. */
  ids: readonly string[] | undefined;
  /** Leave alone what was delivered. */
  onlyFailed: boolean;
}

const COLUMNS = `c.id, c.event_type, c.channel, c.callback_url, c.status, c.attempts,
  CASE WHEN c.status = 'pending' AND c.leased_by IS NULL THEN c.due_at END AS next_attempt_at,
  c.response_status_code, c.error_code, c.error_message, c.history, c.created_at, c.completed_at`;

const OF_SUBJECT = `(c.distribution_job_id = $1::uuid OR c.batch_id = $2::uuid)`;

const LIST = {
  name: 'callbacks_of_subject',
  text: `SELECT ${COLUMNS} FROM distribution_callbacks c WHERE ${OF_SUBJECT} ORDER BY c.created_at, c.id LIMIT 1000`,
};

/**
 * Five more attempts, the next one now, under the same id. A callback that is being sent at this moment is left
 * alone. The fence grows: an outcome from before the replay is refused.
 */
const REPLAY = {
  name: 'replay_callbacks',
  text: `
    UPDATE distribution_callbacks c
    SET status = 'pending', round_start = c.attempts, due_at = now(), completed_at = NULL, fence = c.fence + 1
    WHERE ${OF_SUBJECT} AND ($3::uuid[] IS NULL OR c.id = ANY ($3))
      AND c.leased_by IS NULL AND (c.status <> 'delivered' OR NOT $4)
    RETURNING c.id`,
};

/** The messages to the submitter: what became of them, and sending them again. */
export class CallbackReplays {
  constructor(private readonly tenants: TenantTransaction) {}

  /** In the order in which they arose. Undefined where there is no such job or batch. */
  list(tenantId: TenantId, subject: CallbackSubject): Promise<CallbackRow[] | undefined> {
    return this.tenants.run(tenantId, async (tx) => {
      const ids = await idsOf(tx, subject);
      return ids === undefined ? undefined : tx.query<CallbackRow>(LIST, ids);
    });
  }

  /** The callbacks that are sent again. Undefined where there is no such job or batch. */
  replay(
    caller: TenantCaller,
    subject: CallbackSubject,
    { ids: wanted, onlyFailed }: CallbackReplayRequest,
  ): Promise<CallbackId[] | undefined> {
    return this.tenants.run(caller.tenantId, async (tx) => {
      const ids = await idsOf(tx, subject);
      if (ids === undefined) return undefined;
      const again = await tx.query<{ id: CallbackId }>(REPLAY, [...ids, wanted ?? null, onlyFailed]);
      const callbacks = again.map(({ id }) => id);
      // The last statement: entries of a tenant wait for each other until the transaction ends.
      await audit(tx.manager, {
        ...aboutSubject(caller, subject),
        action: 'replay_callbacks',
        details: { callbacks, only_failed: onlyFailed },
      });
      return callbacks;
    });
  }
}

const aboutSubject = (caller: TenantCaller, subject: CallbackSubject) =>
  'distributionId' in subject
    ? about(caller, 'distribution', subject.distributionId)
    : about(caller, 'batch', subject.batchId);

/** Job and batch, one of them null. */
async function idsOf(
  tx: TenantTx,
  subject: CallbackSubject,
): Promise<[JobId | null, BatchId | null] | undefined> {
  if ('distributionId' in subject) {
    const job = await findJob(tx, subject.distributionId);
    return job === undefined ? undefined : [job.id, null];
  }
  const [batch] = await tx.query<{ id: BatchId }>(BATCH, [subject.batchId]);
  return batch === undefined ? undefined : [null, batch.id];
}
