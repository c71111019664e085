import { type Outcome } from '../../../src/adapters/port';
import { type ClaimedDelivery } from '../../../src/delivery/claim';
import { OWNED_SECONDS } from '../../../src/delivery/lane-store';
import { type JsonObject } from '../../../src/kernel/json';
import { CHANGE_DESTINATION } from '../model/administration';
import { isDrained, isHeld } from '../model/claim';
import { type Executed } from '../model/database';
import { type Tables } from '../model/tables';
import { BREAKER } from './process';
import { type Scenario } from './scenario';
import { type Lease } from './watch';

/** A change has reached every worker after this time: a look at the table every 250 ms, and slow statements. */
const KNOWN_AFTER_MS = 2000;

/** The row of a pause is written so much later than the pause begins. */
const UNDER_WAY_MS = 1000;

interface InFlight {
  claimed: ClaimedDelivery;
  lease: Lease;
}

interface Failures {
  inARow: number;
  openUntil: number;
}

/** What is promised of lanes: limits, order, breakers, pauses. */
export class LaneWatch {
  private readonly inFlight = new Map<string, InFlight>();
  private readonly claims = new Map<string, number[]>();
  private readonly configured = new Map<string, { from: number; configuration: JsonObject }[]>();
  private readonly failures = new Map<string, Failures>();
  /** Statements may get lost: then a breaker's row may be behind what its owner knows. */
  private readonly isTold: boolean;

  constructor(
    private readonly tables: () => Tables,
    scenario: Scenario,
    private readonly violated: (what: string) => void,
  ) {
    const isDown = scenario.happenings.some(({ kind }) => kind === 'database_down');
    this.isTold = scenario.unsent === 0 && !isDown;
    for (const { id, configuration } of scenario.destinations)
      this.configured.set(id, [{ from: -Infinity, configuration }]);
  }

  isInFlight(deliveryId: string): boolean {
    return this.inFlight.has(deliveryId);
  }

  /** Those that were in force at some moment of that time. */
  configurations(laneId: string, from: number, to: number): JsonObject[] {
    const all = this.configured.get(laneId) ?? [];
    return all
      .filter((one, at) => one.from <= to && (all[at + 1]?.from ?? Infinity) >= from)
      .map(({ configuration }) => configuration);
  }

  executed({ statement, values, rows, now }: Executed): void {
    const laneId = values[0] as string;
    if (statement === CHANGE_DESTINATION)
      this.configured
        .get(laneId)
        ?.push({ from: now, configuration: JSON.parse(values[2] as string) as JsonObject });
    const isDrainedNow =
      statement === CHANGE_DESTINATION && isDrained(this.tables().destinations.get(laneId));
    if (statement.name === 'reset_breaker' || isDrainedNow) this.forget((key) => key.endsWith(`/${laneId}`));
    if (statement.name === 'release_lanes')
      this.forget((key) => rows.some(({ lane_id }) => key.endsWith(`/${lane_id as string}`)));
    if (statement.name === 'own_lanes')
      this.owned(
        values[0] as string,
        rows.map(({ lane_id }) => lane_id as string),
        now,
      );
  }

  claimed({ lane_id, tenant_id, distribution_id }: ClaimedDelivery, node: string, now: number): void {
    const destination = this.tables().destinations.get(lane_id);
    if (isHeld(this.tables(), tenant_id, destination)) this.violated(`${distribution_id} left a held lane`);
    if (isDrained(destination) || !this.isTold) return;
    const care = this.tables().lanes.get(lane_id);
    const pausedSince = this.pausedSince.get(lane_id) ?? Infinity;
    if ((care?.pausedUntil ?? 0) > now + UNDER_WAY_MS && pausedSince < now - KNOWN_AFTER_MS)
      this.violated(`${distribution_id} was claimed while ${lane_id} was paused`);
    if ((this.failures.get(`${node}/${lane_id}`)?.openUntil ?? 0) > now)
      this.violated(`${distribution_id} was claimed by ${node}, whose breaker of ${lane_id} was open`);
  }

  private readonly pausedSince = new Map<string, number>();

  /** Under a live lease. */
  sent(claimed: ClaimedDelivery, lease: Lease, now: number): void {
    const { lane_id, delivery_id, distribution_id } = claimed;
    const others = [...this.inFlight.values()].filter(
      (other) => other.claimed.lane_id === lane_id && other.lease.until > now,
    );
    const known = this.configurations(lane_id, lease.claimedAt - KNOWN_AFTER_MS, now);
    const cap = Math.max(
      ...known.map(({ max_in_flight: most }) => (typeof most === 'number' ? most : Infinity)),
    );
    if (others.length + 1 > cap)
      this.violated(
        `${distribution_id} is one of ${others.length + 1} in flight to ${lane_id}, of at most ${cap}`,
      );
    this.inOrder(claimed);
    this.withinRate(claimed, lease);
    this.inFlight.set(delivery_id, { claimed, lease });
  }

  answered(claimed: ClaimedDelivery, node: string, outcome: Outcome, now: number): void {
    const flight = this.inFlight.get(claimed.delivery_id);
    if (flight?.claimed.fence === claimed.fence) this.inFlight.delete(claimed.delivery_id);
    const { lane_id } = claimed;
    if (outcome.kind === 'retry' && outcome.retryAfterSeconds !== undefined) {
      if ((this.tables().lanes.get(lane_id)?.pausedUntil ?? 0) <= now) this.pausedSince.set(lane_id, now);
      return;
    }
    if (outcome.kind === 'retry' && outcome.code === 'ABORTED') return;
    const key = `${node}/${lane_id}`;
    const known = this.failures.get(key) ?? { inARow: 0, openUntil: 0 };
    if (known.openUntil > now) return;
    if (outcome.kind !== 'retry') {
      this.failures.delete(key);
      return;
    }
    const care = this.tables().lanes.get(lane_id);
    const isOthers = care?.ownedBy !== undefined && care.ownedBy !== null && care.ownedBy !== node;
    const wasSentBefore = (flight?.lease.claimedAt ?? 0) < known.openUntil;
    if (isOthers || wasSentBefore) return;
    known.inARow++;
    if (known.inARow >= BREAKER.threshold) known.openUntil = now + BREAKER.recoveryMs;
    this.failures.set(key, known);
  }

  /** A process that died answers to nobody. */
  lost(node: string): void {
    for (const [id, { lease }] of this.inFlight) if (lease.node === node) this.inFlight.delete(id);
  }

  private inOrder({ delivery_id, lane_id, distribution_id }: ClaimedDelivery): void {
    const row = this.tables().ready.get(delivery_id);
    if (row === undefined || row.orderingKey === null) return;
    for (const other of this.tables().ready.values()) {
      const isBefore = (other.orderingSeq ?? 0) < (row.orderingSeq ?? 0);
      if (other.laneId === lane_id && other.orderingKey === row.orderingKey && isBefore)
        this.violated(`${distribution_id} was sent before what was accepted before it under its key`);
    }
    for (const block of this.tables().blocks.values()) {
      const isSame = block.laneId === lane_id && block.orderingKey === row.orderingKey;
      if (isSame && block.orderingSeq < (row.orderingSeq ?? 0) && row.attemptNumber === 1)
        this.violated(`${distribution_id} was sent past a dead letter that blocks its key`);
    }
  }

  private withinRate({ lane_id, distribution_id }: ClaimedDelivery, { claimedAt }: Lease): void {
    const claims = this.claims.get(lane_id) ?? [];
    this.claims.set(lane_id, claims);
    claims.push(claimedAt);
    const [one, ...more] = this.configurations(lane_id, claimedAt - 2 * KNOWN_AFTER_MS, claimedAt);
    const rate = one?.['rate_limit'] as { requests: number; per_seconds: number } | undefined;
    if (more.length > 0 || rate === undefined) return;
    const recent = claims.filter((at) => at <= claimedAt && at > claimedAt - rate.per_seconds * 1000 + 0.01);
    if (recent.length > rate.requests)
      this.violated(
        `${distribution_id} is one of ${recent.length} to ${lane_id} in ${rate.per_seconds} s, of at most ${rate.requests}`,
      );
  }

  /** A new owner believes the row, and so does one whose ownership had ended. */
  private owned(node: string, lanes: readonly string[], now: number): void {
    for (const laneId of lanes) {
      const before = this.owners.get(laneId);
      if (before?.node !== node || before.until < now + UNDER_WAY_MS)
        this.forget((key) => key.endsWith(`/${laneId}`));
      this.owners.set(laneId, { node, until: now + OWNED_SECONDS * 1000 });
    }
  }

  private readonly owners = new Map<string, { node: string; until: number }>();

  private forget(isMeant: (key: string) => boolean): void {
    for (const key of this.failures.keys()) if (isMeant(key)) this.failures.delete(key);
  }
}
