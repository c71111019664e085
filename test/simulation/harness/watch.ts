import { type Outcome as Answer } from '../../../src/adapters/port';
import { type ClaimedDelivery } from '../../../src/delivery/claim';
import { retryPolicyOf } from '../../../src/kernel/retry-policy';
import { LOST_AFTER_SECONDS } from '../../../src/upkeep/heartbeat';
import { type Executed } from '../model/database';
import { type Outcome, outcomesOf } from '../model/record';
import { type Tables } from '../model/tables';
import { array } from '../model/values';
import { LaneWatch } from './lane-watch';
import { MOST_BACKOFF_SECONDS } from './process';
import { type Scenario } from './scenario';

/** A claim that nothing has ended yet, as the statements tell it; kept apart from the model's own rows. */
export interface Lease {
  node: string;
  fence: number;
  claimedAt: number;
  until: number;
  attemptNumber: number;
  roundStart: number;
}

export class Violation extends Error {}

/**
 * Holds what happens against what is promised (docs/lifecycle.md). Sees statements with their answers, and what
 * destinations get and answer; decides nothing.
 */
export class Watch {
  readonly leases = new Map<string, Lease>();
  readonly lanes: LaneWatch;
  private readonly answers = new Map<string, Answer>();
  private violation: Violation | undefined;

  constructor(
    private readonly tables: () => Tables,
    private readonly scenario: Scenario,
    private readonly hasHoldUps: (node: string, since: number) => boolean,
    private readonly wasSilent: (node: string, since: number) => boolean,
  ) {
    this.lanes = new LaneWatch(tables, scenario, (what) => this.violated(what));
  }

  get isViolated(): boolean {
    return this.violation !== undefined;
  }

  violated(what: string): void {
    this.violation ??= new Violation(what);
  }

  /** @throws Violation the first one. */
  done(): void {
    if (this.violation !== undefined) throw this.violation;
  }

  executed(executed: Executed): void {
    const { statement, values, rows, now } = executed;
    switch (statement.name) {
      case 'claim_due':
        rows.forEach((row) => this.claimed(row as ClaimedDelivery, values[0] as string, now));
        break;
      case 'take_waiting':
      case 'take_overdue':
        rows.forEach((row) => this.taken(row as ClaimedDelivery, now));
        break;
      case 'extend_leases':
        this.extended(values, now);
        break;
      case 'release_leases':
        this.freed((lease, id) => lease.node === values[0] && array(values[1]).includes(id));
        break;
      case 'lost_nodes':
        rows.forEach(({ id }) => this.lost(id as string, now));
        break;
      case 'rescue_leases':
        this.freed(({ node }) => array(values[0]).includes(node));
        break;
      case 'record_outcomes':
        this.recorded(executed);
        break;
    }
    this.lanes.executed(executed);
  }

  /** A destination is being sent something. What is sent after its lease has passed on cannot be prevented. */
  sent(claimed: ClaimedDelivery, node: string, now: number): void {
    const lease = this.leases.get(claimed.delivery_id);
    if (lease?.node !== node || lease.fence !== claimed.fence || lease.until <= now) return;
    const { cancelRequestedAt } = this.tables().job(claimed.distribution_job_id);
    if ((cancelRequestedAt ?? Infinity) < lease.claimedAt)
      this.violated(`${claimed.distribution_id} was sent though it was cancelled`);
    if ((this.tables().ready.get(claimed.delivery_id)?.expiresAt ?? Infinity) <= lease.claimedAt)
      this.violated(`${claimed.distribution_id} was sent though it had expired`);
    this.lanes.sent(claimed, lease, now);
  }

  answered(claimed: ClaimedDelivery, node: string, answer: Answer, now: number): void {
    this.answers.set(`${claimed.attempt_id}/${claimed.fence}`, answer);
    this.lanes.answered(claimed, node, answer, now);
  }

  private claimed(row: ClaimedDelivery, node: string, now: number): void {
    const id = row.delivery_id;
    const before = this.leases.get(id);
    if (before !== undefined && before.until > now)
      this.violated(`${row.distribution_id} was claimed while ${before.node} had its lease`);
    if (before !== undefined && this.lanes.isInFlight(id) && !this.hasHoldUps(before.node, before.claimedAt))
      this.violated(`${row.distribution_id} was claimed though the worker that was sending it lived`);
    this.lanes.claimed(row, node, now);
    this.leases.set(id, {
      node,
      fence: row.fence,
      claimedAt: now,
      until: now + this.scenario.leaseSeconds * 1000,
      attemptNumber: row.attempt_number,
      roundStart: row.round_start,
    });
  }

  private taken({ delivery_id, fence }: ClaimedDelivery, now: number): void {
    this.leases.set(delivery_id, {
      node: '',
      fence,
      claimedAt: now,
      until: Infinity,
      attemptNumber: 0,
      roundStart: 0,
    });
  }

  private lost(node: string, now: number): void {
    if (!this.wasSilent(node, now - LOST_AFTER_SECONDS * 1000))
      this.violated(`${node} was taken for lost and was not silent by itself`);
  }

  private extended([node, seconds, ids]: unknown[], now: number): void {
    for (const id of array(ids)) {
      const lease = this.leases.get(id as string);
      if (lease !== undefined && lease.node === node) lease.until = now + (seconds as number) * 1000;
    }
  }

  private freed(isMeant: (lease: Lease, id: string) => boolean): void {
    for (const [id, lease] of this.leases) {
      if (!isMeant(lease, id)) continue;
      lease.until = -Infinity;
      this.leases.delete(id);
    }
  }

  private recorded({ values, rows, now }: Executed): void {
    const accepted = new Set(rows.map(({ delivery_id }) => delivery_id));
    for (const outcome of outcomesOf(values)) {
      if (!accepted.has(outcome.delivery_id)) continue;
      const lease = this.leases.get(outcome.delivery_id);
      if (lease === undefined || lease.fence !== outcome.fence)
        this.violated(`an outcome of ${outcome.delivery_id} was recorded without its lease`);
      else this.decided(outcome, lease, now);
      this.leases.delete(outcome.delivery_id);
    }
  }

  private decided(
    { delivery_id, attempt_id, result, fence, delay_seconds }: Outcome,
    lease: Lease,
    now: number,
  ) {
    const answer = this.answers.get(`${attempt_id}/${fence}`);
    if (answer === undefined) return;
    if ((answer.kind === 'delivered') !== (result === 'success'))
      this.violated(`${delivery_id} was ${answer.kind} and is recorded as ${result}`);
    if (answer.kind === 'refused' && result === 'retry')
      this.violated(`${delivery_id} was refused and is retried`);
    if (result !== 'retry' || answer.kind !== 'retry') return;
    const row = this.tables().ready.get(delivery_id);
    // Its job is being cancelled: there is no other attempt.
    if (row === undefined) return;
    const policies = this.lanes.configurations(row.laneId, lease.claimedAt, now).map(retryPolicyOf);
    const most = Math.max(...policies.map(({ maxAttempts = 0 }) => maxAttempts));
    if (lease.attemptNumber - lease.roundStart >= most)
      this.violated(`${delivery_id} gets attempt ${lease.attemptNumber + 1} of at most ${most}`);
    const cap = Math.max(...policies.map(({ maxBackoffSeconds = 0 }) => maxBackoffSeconds));
    const least = Math.min(...policies.map(({ maxBackoffSeconds = 0 }) => maxBackoffSeconds));
    const seconds = delay_seconds ?? 0;
    if (seconds > Math.min(cap, MOST_BACKOFF_SECONDS))
      this.violated(`${delivery_id} waits longer than the cap`);
    if (answer.retryAfterSeconds !== undefined && seconds < Math.min(answer.retryAfterSeconds, least))
      this.violated(`${delivery_id} is retried before its destination wants it`);
  }
}
