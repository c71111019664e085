import { type DueLane } from '../kernel/priority';
import {
  allowance,
  AT_REST,
  type Breaker,
  type BreakerSettings,
  FIRST_PACE,
  judged,
  probing,
  type Verdict,
} from './breaker';
import { type FoundLane, type LaneChange, type LaneName, OWNED_SECONDS } from './lane-store';
import { allowedNow, emptyAt, type FullAt, nextAllowedAt, type RateLimit, taken } from './rate';
import { LANE_SHARE, shareOut, type Waiting } from './shares';

/** What is to be claimed from one lane. */
export interface Offer {
  tenantId: string;
  laneId: string;
  quota: number;
}

/** Of a lane that one worker at a time may claim from. Times are of this process's clock. */
interface Care {
  maxInFlight: number;
  rate: RateLimit | undefined;
  fullAt: FullAt;
  /** Until when this process owns the lane, and until when another one does. */
  ownedUntil: number;
  takenUntil: number;
  /** Another process owned it last: what that one sent a moment ago counts. */
  servedElsewhere: boolean;
  /** Deliveries that other processes still have in flight. */
  elsewhere: number;
  pausedUntil: number;
  resetAt: number | undefined;
}

interface Lane {
  tenantId: string;
  laneId: string;
  weight: number;
  rank: number;
  /** Infinity: nothing is known to be due. */
  dueAt: number;
  /** When it was last said, by a hint, that something is due. */
  hintedAt: number;
  turnAt: number;
  inFlight: number;
  held: boolean;
  breaker: Breaker;
  failedAt: number;
  care: Care | undefined;
}

const NEVER = Number.NEGATIVE_INFINITY;
const NOT_KNOWN = Number.POSITIVE_INFINITY;
/** Of a lane of which nothing but its id is known. */
const USUAL_RANK = 4;
/** Ownership is renewed when less than this is left. */
const RENEW_MS = (OWNED_SECONDS * 1000 * 3) / 5;
/** Failures of a lane without work are remembered for so long. */
const REMEMBER_MS = 600_000;

/**
 * The lanes as this process knows them: what has work, what may go, what is in flight. All in memory and never trusted
 * alone: the claim checks ownership and holds again. Every method takes `now`, in milliseconds of a clock that does
 * not jump.
 */
export class Lanes {
  private readonly known = new Map<string, Lane>();

  constructor(private readonly settings: BreakerSettings) {}

  /** This process stored something that is due. */
  wake(due: readonly DueLane[], now: number): void {
    for (const { tenantId, laneId, rank } of due) {
      const lane = this.laneOf(tenantId, laneId, now);
      lane.rank = lane.dueAt <= now ? Math.min(lane.rank, rank) : rank;
      lane.dueAt = now;
      lane.hintedAt = now;
    }
  }

  /** Another process did. False where a lane is not known here: a look at the table will tell. */
  hint(laneIds: readonly string[], now: number): boolean {
    let all = true;
    for (const laneId of laneIds) {
      const lane = this.known.get(laneId);
      if (lane === undefined) all = false;
      else this.wake([{ tenantId: lane.tenantId, laneId, rank: USUAL_RANK }], now);
    }
    return all;
  }

  /** What a look at the table, begun at `since`, has found. */
  found(rows: readonly FoundLane[], since: number, now: number): void {
    const found = new Set(rows.map(({ lane_id }) => lane_id));
    for (const [laneId, lane] of this.known) {
      if (found.has(laneId) || lane.hintedAt >= since) continue;
      lane.dueAt = NOT_KNOWN;
      if (isForgettable(lane, now)) this.known.delete(laneId);
    }
    for (const row of rows) {
      const lane = this.laneOf(row.tenant_id, row.lane_id, now);
      lane.weight = weightOf(row.weight);
      lane.rank = row.rank;
      if (lane.hintedAt < since) lane.dueAt = now + Math.max(0, row.due_in * 1000);
      lane.held = row.held;
      careFor(lane, row, now);
    }
  }

  /** Lanes in care that this process should own, because it could claim from them or soon can. */
  wanted(now: number): { tenantId: string; laneId: string }[] {
    return [...this.known.values()].filter(({ held, dueAt, care, breaker }) => {
      if (care === undefined || held || dueAt > now || care.takenUntil > now) return false;
      return probing(breaker, now).state !== 'open' && care.ownedUntil - now < RENEW_MS;
    });
  }

  /** What came of it. `since`: when it was asked for, so that this process never believes longer than the others. */
  owned(rows: readonly { lane_id: string; elsewhere: number }[], since: number, now: number): void {
    for (const { lane_id, elsewhere } of rows) {
      const care = this.known.get(lane_id)?.care;
      if (care === undefined) continue;
      if (care.servedElsewhere && care.rate !== undefined) care.fullAt = emptyAt(care.rate, now);
      care.servedElsewhere = false;
      care.ownedUntil = since + OWNED_SECONDS * 1000;
      care.elsewhere = elsewhere;
    }
  }

  /** Breakers whose time for a probe has come, in lanes that this process owns. */
  probes(now: number): LaneChange[] {
    const changes: LaneChange[] = [];
    for (const lane of this.known.values()) {
      if (lane.care === undefined || lane.care.ownedUntil <= now) continue;
      const next = probing(lane.breaker, now);
      if (next === lane.breaker) continue;
      lane.breaker = next;
      changes.push(breakerChange(nameOf(lane, ''), next, now));
    }
    return changes;
  }

  /** Owned lanes that need no care any more. */
  healed(now: number): string[] {
    return [...this.known.values()]
      .filter(({ care, breaker }) => {
        if (care === undefined || care.ownedUntil <= now || breaker.state !== 'closed') return false;
        const limited = care.rate !== undefined || care.maxInFlight !== NOT_KNOWN;
        return !limited && care.pausedUntil <= now;
      })
      .map(({ laneId }) => laneId);
  }

  released(laneIds: readonly string[]): void {
    for (const laneId of laneIds) {
      const lane = this.known.get(laneId);
      if (lane !== undefined) lane.care = undefined;
    }
  }

  /** How much to claim of which lane: at most `room` in all, with `free` slots not in use. */
  offers(room: number, free: number, now: number): Offer[] {
    const waiting: (Waiting & { lane: Lane })[] = [];
    const inFlight = new Map<string, number>();
    for (const lane of this.known.values()) {
      if (lane.inFlight > 0) inFlight.set(lane.tenantId, (inFlight.get(lane.tenantId) ?? 0) + lane.inFlight);
      if (lane.dueAt > now || lane.held) continue;
      const most = mostOf(lane, now);
      if (most > 0) waiting.push({ ...lane, most, lane });
    }
    const quotas = shareOut(waiting, { room, free, now, inFlightOf: (tenant) => inFlight.get(tenant) ?? 0 });
    return waiting.flatMap(({ lane, tenantId, laneId }) => {
      const quota = quotas.get(laneId);
      if (quota === undefined) return [];
      lane.turnAt = now;
      return [{ tenantId, laneId, quota }];
    });
  }

  /** What was claimed on these offers, made at `since`: a lane that gave less has nothing more, unless it was hinted. */
  claimed(offers: readonly Offer[], counts: ReadonlyMap<string, number>, since: number, now: number): void {
    for (const { laneId, quota } of offers) {
      const lane = this.known.get(laneId);
      if (lane === undefined) continue;
      const count = counts.get(laneId) ?? 0;
      lane.inFlight += count;
      if (count < quota && lane.hintedAt < since) lane.dueAt = NOT_KNOWN;
      const { care } = lane;
      if (care?.rate !== undefined) care.fullAt = taken(care.rate, care.fullAt, count, now);
    }
  }

  /** An attempt has ended. True where the lane has room again for a good handful of what waits. */
  left(laneId: string, free: number, now: number): boolean {
    const lane = this.known.get(laneId);
    if (lane === undefined) return false;
    lane.inFlight--;
    if (lane.dueAt > now) return false;
    return lane.care !== undefined || lane.inFlight <= Math.floor(free * LANE_SHARE) / 2;
  }

  /** What an attempt says of its destination, and what is to be saved of it. */
  judged(name: LaneName, verdict: Verdict, pauseSeconds: number | undefined, now: number): LaneChange[] {
    const lane = this.laneOf(name.tenantId, name.laneId, now);
    if (verdict === 'faulty') lane.failedAt = now;
    const changes: LaneChange[] = [];
    if (pauseSeconds !== undefined && pauseSeconds > 0) {
      lane.care ??= uncared(now);
      lane.care.pausedUntil = Math.max(lane.care.pausedUntil, now + pauseSeconds * 1000);
      changes.push({ kind: 'pause', lane: name, seconds: pauseSeconds });
    }
    const isOthers = lane.care !== undefined && lane.care.takenUntil > now;
    if (isOthers) return changes;
    const next = judged(lane.breaker, verdict, this.settings, now);
    if (next.state !== lane.breaker.state) {
      lane.care ??= uncared(now);
      changes.push(breakerChange(name, next, now));
    }
    lane.breaker = next;
    return changes;
  }

  /** The next moment at which something could be claimed that cannot be now. */
  nextAt(now: number): number {
    let next = NOT_KNOWN;
    for (const lane of this.known.values()) if (!lane.held) next = Math.min(next, moment(lane, now));
    return next;
  }

  /** Lanes by what keeps them, for the metrics. */
  counts(now: number): Record<string, number> {
    const counts = { known: 0, due: 0, held: 0, in_care: 0, paused: 0, breaker_not_closed: 0 };
    for (const { dueAt, held, care, breaker } of this.known.values()) {
      counts.known++;
      if (dueAt <= now) counts.due++;
      if (held) counts.held++;
      if (care !== undefined) counts.in_care++;
      if (care !== undefined && care.pausedUntil > now) counts.paused++;
      if (breaker.state !== 'closed') counts.breaker_not_closed++;
    }
    return counts;
  }

  private laneOf(tenantId: string, laneId: string, now: number): Lane {
    const known = this.known.get(laneId);
    if (known !== undefined) return known;
    const lane: Lane = {
      tenantId,
      laneId,
      weight: 1,
      rank: USUAL_RANK,
      dueAt: NOT_KNOWN,
      hintedAt: NEVER,
      turnAt: now,
      inFlight: 0,
      held: false,
      breaker: AT_REST,
      failedAt: NEVER,
      care: undefined,
    };
    this.known.set(laneId, lane);
    return lane;
  }
}

/** Ownership that has ended here may go on for a moment at the database, which was asked later. */
const STILL_OWNED_MS = OWNED_SECONDS * 1000;

/**
 * Nothing of it is in flight, and nothing is known of it that its next delivery needs. Limits are needed as long as this
 * process may own the lane: the claim would let it take any number.
 */
function isForgettable({ inFlight, breaker, failedAt, care }: Lane, now: number): boolean {
  if (inFlight > 0 || (care?.rate !== undefined && care.fullAt > now)) return false;
  if (care !== undefined && care.ownedUntil > now - STILL_OWNED_MS) return false;
  return breaker === AT_REST || failedAt < now - REMEMBER_MS;
}

/** More that may go now. */
function mostOf({ breaker, care, inFlight }: Lane, now: number): number {
  if (care === undefined) return NOT_KNOWN;
  if (care.ownedUntil <= now || care.pausedUntil > now) return 0;
  const most = Math.min(allowance(breaker), care.maxInFlight) - inFlight - care.elsewhere;
  return care.rate === undefined ? most : Math.min(most, allowedNow(care.rate, care.fullAt, now));
}

function moment({ dueAt, care }: Lane, now: number): number {
  if (dueAt > now) return dueAt;
  if (care === undefined || care.ownedUntil <= now) return NOT_KNOWN;
  if (care.pausedUntil > now) return care.pausedUntil;
  if (care.rate === undefined) return NOT_KNOWN;
  const next = nextAllowedAt(care.rate, care.fullAt);
  return next > now ? next : NOT_KNOWN;
}

const uncared = (now: number): Care => ({
  maxInFlight: NOT_KNOWN,
  rate: undefined,
  fullAt: NEVER,
  ownedUntil: NEVER,
  takenUntil: now,
  servedElsewhere: false,
  elsewhere: 0,
  pausedUntil: NEVER,
  resetAt: undefined,
});

/** Brings what is believed of a lane's care up to what the table says. The owner alone knows more than its row. */
function careFor(lane: Lane, row: FoundLane, now: number): void {
  const limited = row.max_in_flight !== null || row.rate_limit !== null;
  if (row.drained || !(limited || row.in_care)) {
    if (lane.care !== undefined) lane.breaker = AT_REST;
    lane.care = undefined;
    return;
  }
  const care = (lane.care ??= uncared(now));
  care.maxInFlight = row.max_in_flight ?? NOT_KNOWN;
  care.rate = row.rate_limit === null ? undefined : rateOf(row.rate_limit);
  const pausedUntil = row.paused_for === null ? NEVER : now + row.paused_for * 1000;
  const resetAt = row.reset_at?.getTime();
  if (care.ownedUntil > now && resetAt === care.resetAt) {
    care.pausedUntil = Math.max(care.pausedUntil, pausedUntil);
    return;
  }
  care.pausedUntil = pausedUntil;
  care.resetAt = resetAt;
  lane.breaker = breakerOf(row, now);
  if (care.ownedUntil > now) return;
  care.takenUntil = row.taken_for === null ? NEVER : now + row.taken_for * 1000;
  care.servedElsewhere = row.taken_for !== null;
}

const rateOf = ({ requests, per_seconds }: { requests: number; per_seconds: number }): RateLimit => ({
  requests,
  perSeconds: per_seconds,
});

function breakerOf({ breaker, consecutive_failures, probe_in }: FoundLane, now: number): Breaker {
  const failures = consecutive_failures ?? 0;
  switch (breaker) {
    case 'open':
      return { state: 'open', failures, probeAt: now + (probe_in ?? 0) * 1000 };
    case 'half_open':
      return { state: 'half_open', failures };
    case 'recovering':
      return { state: 'recovering', failures, pace: FIRST_PACE, successes: 0 };
    case 'closed':
    case null:
      return AT_REST;
  }
}

const nameOf = ({ tenantId, laneId }: Lane, destinationName: string): LaneName => ({
  tenantId,
  laneId,
  destinationName,
});

const breakerChange = (lane: LaneName, breaker: Breaker, now: number): LaneChange => ({
  kind: 'breaker',
  lane,
  state: breaker.state,
  failures: breaker.failures,
  probeInSeconds: breaker.state === 'open' ? (breaker.probeAt - now) / 1000 : null,
});

/** Of a tenant's `config.weight`; 1 where it says nothing usable. */
const weightOf = (weight: unknown): number =>
  typeof weight === 'number' && Number.isInteger(weight) && weight >= 1 && weight <= 100 ? weight : 1;
