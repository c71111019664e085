import { pause, type Timers } from '../kernel/clock';
import { type DeliveryId } from '../kernel/ids';
import { type DueLane } from '../kernel/priority';
import { type Attempted } from './attempt';
import { type ClaimedDelivery, type Claims } from './claim';
import { Deadlines } from './deadlines';
import { type LaneKeeper } from './lane-keeper';
import { type Recorder, type Result } from './record';

export interface WorkerParts {
  claims: Pick<Claims, 'due' | 'extend' | 'release' | 'leaseSeconds'>;
  lanes: Pick<LaneKeeper, 'wake' | 'hint' | 'look' | 'offers' | 'claimed' | 'left' | 'idleMs' | 'stop'>;
  recorder: Pick<Recorder, 'record' | 'stop'>;
  attempt: (claimed: ClaimedDelivery, deadlines: Deadlines) => Promise<Attempted>;
  /** Deliveries in flight at the same time. */
  concurrency: number;
  /** Of each claim, what it took in seconds, the wait for a session included. */
  onClaimed: (seconds: number) => void;
  onRecorded: (result: Result) => void;
  onFault: (error: unknown) => void;
  timers: Timers;
}

const MOST_AT_ONCE = 100;
/** Without room, how long to wait for some. */
const POLL_MS = 250;
/** After a small claim the next one waits this long, so that a trickle of work is taken in handfuls. */
const GATHER_MS = 6;
const FAULT_PAUSE_MS = 1000;
/** How long an aborted delivery may take to say so. */
const ABORT_MS = 1000;

/**
 * Claims what is due, attempts it, has it recorded. One claimer a process; as many deliveries in flight as
 * `concurrency` allows, shared among the lanes that have work (lanes.ts).
 */
export class DeliveryWorker {
  private readonly inFlight = new Map<DeliveryId, ClaimedDelivery>();
  /** Aborted by the stop: to be delivered by another node. */
  private readonly givenBack: DeliveryId[] = [];
  private readonly deadlines: Deadlines;
  private loop: Promise<void> | undefined;
  private stopExtending: () => void = () => undefined;
  private stopping = false;
  private changed: () => void = () => undefined;
  private woken = false;

  constructor(private readonly parts: WorkerParts) {
    this.deadlines = new Deadlines(parts.timers);
  }

  get active(): number {
    return this.inFlight.size;
  }

  start(): void {
    if (this.loop !== undefined) return;
    this.loop = this.run();
    this.extendLater();
  }

  /** Something is due in these lanes; undefined: something may be due anywhere. */
  wake(due?: readonly DueLane[]): void {
    this.parts.lanes.wake(due);
    this.again();
  }

  /** Another process says so. */
  hint(laneIds: readonly string[]): void {
    this.parts.lanes.hint(laneIds);
    this.again();
  }

  /**
   * Claims no more, lets what is in flight finish within the grace time, gives back the rest. Nothing is
   * recorded twice: what is given back carries a new fence.
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.changed();
    await this.loop;
    await this.drained(graceMs);
    this.parts.recorder.stop();
    this.deadlines.stop();
    await this.drained(ABORT_MS);
    const left = [...this.givenBack, ...this.inFlight.keys()];
    await this.parts.claims.release(left).catch(this.parts.onFault);
    await this.parts.lanes.stop();
    this.stopExtending();
  }

  /** Leases are renewed at every third of their time. */
  private extendLater(): void {
    const { claims, timers, onFault } = this.parts;
    this.stopExtending = timers.after((claims.leaseSeconds * 1000) / 3, () => {
      void claims.extend([...this.inFlight.keys()]).catch(onFault);
      this.extendLater();
    });
  }

  private get free(): number {
    return this.parts.concurrency - this.inFlight.size;
  }

  private async run(): Promise<void> {
    const { lanes, concurrency } = this.parts;
    while (!this.stopping) {
      const room = Math.min(this.free, MOST_AT_ONCE);
      if (room < Math.min(concurrency, 8)) {
        await this.waitForChange(POLL_MS);
        continue;
      }
      this.woken = false;
      const claimed = await this.claim(room);
      for (const delivery of claimed ?? []) void this.deliver(delivery);
      if (claimed === undefined) await this.waitForWake(lanes.idleMs);
      else if (claimed.length < room / 4) await this.pause(GATHER_MS);
    }
  }

  /** Undefined: there was nothing to ask for. */
  private async claim(room: number): Promise<ClaimedDelivery[] | undefined> {
    const { lanes, claims, timers } = this.parts;
    try {
      await lanes.look();
      const offers = lanes.offers(room, this.free);
      if (offers.length === 0) return undefined;
      const asked = timers.now();
      const claimed = await lanes.claimed(offers, (taken) => claims.due(taken));
      const seconds = (timers.now() - asked) / 1000;
      this.parts.onClaimed(seconds);
      if (seconds < claims.leaseSeconds) return claimed;
      // A stall or a cut link kept the answer: its leases are over, and another worker may be sending by now.
      for (const late of claimed) this.leaveLane(late, { kind: 'released' });
      return [];
    } catch (error) {
      this.parts.onFault(error);
      await this.pause(FAULT_PAUSE_MS);
      return [];
    }
  }

  private async deliver(claimed: ClaimedDelivery): Promise<void> {
    this.inFlight.set(claimed.delivery_id, claimed);
    try {
      const attempted = await this.parts.attempt(claimed, this.deadlines);
      // Its destination has room again; that it is being recorded concerns this process only.
      this.leaveLane(claimed, attempted);
      if (attempted.kind === 'released') this.givenBack.push(claimed.delivery_id);
      else await this.record(attempted.result);
    } catch (error) {
      this.parts.onFault(error);
    }
    // Claimed again meanwhile, after a stall past the lease, it is the other claim's.
    if (this.inFlight.get(claimed.delivery_id) === claimed) this.inFlight.delete(claimed.delivery_id);
    this.changed();
  }

  private leaveLane(claimed: ClaimedDelivery, attempted: Attempted): void {
    const { tenant_id: tenantId, lane_id: laneId, destination_name: destinationName } = claimed;
    const { verdict, pauseSeconds } =
      attempted.kind === 'done' ? attempted : { verdict: 'unknown' as const, pauseSeconds: undefined };
    const lane = { tenantId, laneId, destinationName };
    if (this.parts.lanes.left(lane, verdict, pauseSeconds, this.free)) this.again();
  }

  private again(): void {
    this.woken = true;
    this.changed();
  }

  private async record(result: Result): Promise<void> {
    await this.parts.recorder.record(result);
    this.parts.onRecorded(result);
  }

  private async drained(ms: number): Promise<void> {
    const { timers } = this.parts;
    const deadline = timers.now() + ms;
    while (this.inFlight.size > 0 && timers.now() < deadline)
      await this.waitForChange(deadline - timers.now());
  }

  private async waitForWake(ms: number): Promise<void> {
    const { timers } = this.parts;
    const deadline = timers.now() + ms;
    while (!this.woken && !this.stopping && timers.now() < deadline)
      await this.waitForChange(deadline - timers.now());
  }

  /** Until something ends or wakes, at most `ms`. */
  private waitForChange(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const takeBack = this.parts.timers.after(ms, resolve);
      this.changed = () => {
        takeBack();
        resolve();
      };
    });
  }

  private pause(ms: number): Promise<void> {
    return this.stopping ? Promise.resolve() : pause(this.parts.timers, ms);
  }
}
