import { type SystemTransaction } from '../database/system-transaction';
import {
  type AttemptId,
  type BatchId,
  type CallbackId,
  type JobId,
  type NodeId,
  type TenantId,
} from '../kernel/ids';

export type CallbackEvent =
  | 'distribution.completed'
  | 'distribution.failed'
  | 'distribution.cancelled'
  | 'batch.completed'
  | 'attempt.succeeded'
  | 'attempt.failed';

/** A callback that this node holds until its lease ends. */
export type ClaimedCallback = {
  id: CallbackId;
  tenant_id: TenantId;
  distribution_job_id: JobId | null;
  batch_id: BatchId | null;
  attempt_id: AttemptId | null;
  event_type: CallbackEvent;
  callback_url: string;
  /** Made before this one. */
  attempts: number;
  /** Made before the last replay; the five attempts allowed begin after them. */
  round_start: number;
  fence: number;
  created_at: Date;
};

/** As with deliveries, `due_at` is the end of the lease while it is held. */
const CLAIM_CALLBACKS = {
  name: 'claim_callbacks',
  text: `
    UPDATE distribution_callbacks c
    SET leased_by = $1, fence = c.fence + 1, due_at = now() + make_interval(secs => $3)
    FROM (
      SELECT id FROM distribution_callbacks
      WHERE status = 'pending' AND due_at <= now()
      ORDER BY due_at LIMIT $2
      FOR UPDATE SKIP LOCKED
    ) due
    WHERE c.id = due.id
    RETURNING c.id, c.tenant_id, c.distribution_job_id, c.batch_id, c.attempt_id, c.event_type, c.callback_url,
      c.attempts, c.round_start, c.fence, c.created_at`,
};

/** Longer than a callback may take, so that a lease never ends under a living sender. */
const LEASE_SECONDS = 60;

export class CallbackClaims {
  constructor(
    private readonly system: SystemTransaction,
    private readonly node: NodeId,
  ) {}

  due(most: number): Promise<ClaimedCallback[]> {
    return this.system.query<ClaimedCallback>(CLAIM_CALLBACKS, [this.node, most, LEASE_SECONDS]);
  }
}
