import { type SystemTransaction } from '../database/system-transaction';
import {
  type AttemptId,
  type BatchId,
  type CallbackId,
  type JobId,
  type NodeId,
  type TenantId,
} from '../kernel/ids';
import { type OUTCOME_EVENTS } from './told.sql';

export type CallbackEvent = (typeof OUTCOME_EVENTS)[number] | 'attempt.succeeded' | 'attempt.failed';

/** How it is told: by HTTP to an address, or as an event to whoever listens at the broker. */
export type CallbackChannel = 'webhook' | 'events';

type Claimed = {
  id: CallbackId;
  tenant_id: TenantId;
  distribution_job_id: JobId | null;
  batch_id: BatchId | null;
  attempt_id: AttemptId | null;
  event_type: CallbackEvent;
  /** Made before this one. */
  attempts: number;
  /** Made before the last replay; the five attempts allowed begin after them. */
  round_start: number;
  fence: number;
  created_at: Date;
};

export type ClaimedWebhook = Claimed & { channel: 'webhook'; callback_url: string };
export type ClaimedEvent = Claimed & { channel: 'events'; callback_url: null };
/** A callback that this node holds until its lease ends. */
export type ClaimedCallback = ClaimedWebhook | ClaimedEvent;

/** As with deliveries, `due_at` is the end of the lease while it is held. */
const CLAIM_CALLBACKS = {
  name: 'claim_callbacks',
  text: `
    UPDATE distribution_callbacks c
    SET leased_by = $1, fence = c.fence + 1, due_at = now() + make_interval(secs => $3)
    FROM (
      SELECT id FROM distribution_callbacks
      WHERE status = 'pending' AND channel = $4 AND due_at <= now()
      ORDER BY due_at LIMIT $2
      FOR UPDATE SKIP LOCKED
    ) due
    WHERE c.id = due.id
    RETURNING c.id, c.tenant_id, c.distribution_job_id, c.batch_id, c.attempt_id, c.event_type, c.channel,
      c.callback_url, c.attempts, c.round_start, c.fence, c.created_at`,
};

/** Gives back at once what a stopping node will not tell any more; the fence grows, so a late outcome is refused. */
const RELEASE_CALLBACKS = {
  name: 'release_callbacks',
  text: `
    UPDATE distribution_callbacks SET leased_by = NULL, fence = fence + 1, due_at = now()
    WHERE status = 'pending' AND leased_by = $1 AND id = ANY ($2::uuid[])`,
};

const PENDING = {
  name: 'pending_callbacks',
  text: `
    SELECT channel, count(*)::int AS pending FROM distribution_callbacks WHERE status = 'pending' GROUP BY channel`,
};

/** Longer than a callback may take, so that a lease never ends under a living sender. */
const LEASE_SECONDS = 60;

export class CallbackClaims {
  constructor(
    private readonly system: SystemTransaction,
    private readonly node: NodeId,
  ) {}

  dueWebhooks(most: number): Promise<ClaimedWebhook[]> {
    return this.due('webhook', most);
  }

  dueEvents(most: number): Promise<ClaimedEvent[]> {
    return this.due('events', most);
  }

  async release(callbacks: readonly CallbackId[]): Promise<void> {
    if (callbacks.length === 0) return;
    await this.system.query(RELEASE_CALLBACKS, [this.node, callbacks]);
  }

  /** What waits or is on its way, by channel. */
  async pending(): Promise<Record<string, number>> {
    const rows = await this.system.query<{ channel: CallbackChannel; pending: number }>(PENDING, []);
    return { webhook: 0, events: 0, ...Object.fromEntries(rows.map((row) => [row.channel, row.pending])) };
  }

  private due<Kind extends ClaimedCallback>(channel: Kind['channel'], most: number): Promise<Kind[]> {
    return this.system.query<Kind>(CLAIM_CALLBACKS, [this.node, most, LEASE_SECONDS, channel]);
  }
}
