import { type DeliveryId } from '../kernel/ids';
import { type Attempted } from './attempt';
import { type ClaimedDelivery, type Claims } from './claim';
import { Deadlines } from './deadlines';
import { type Recorder, type Result } from './record';

export interface WorkerParts {
  claims: Pick<Claims, 'due' | 'extend' | 'release' | 'leaseSeconds'>;
  recorder: Pick<Recorder, 'record' | 'stop'>;
  attempt: (claimed: ClaimedDelivery, deadlines: Deadlines) => Promise<Attempted>;
  /** Deliveries in flight at the same time. */
  concurrency: number;
  onRecorded: (result: Result) => void;
  onFault: (error: unknown) => void;
}

const MOST_AT_ONCE = 100;
/** Polling is the guarantee; a wake-up only makes it sooner. */
const POLL_MS = 250;
/** After a small claim the next one waits this long, so that a trickle of work is taken in handfuls. */
const GATHER_MS = 4;
const FAULT_PAUSE_MS = 1000;
/** How long an aborted delivery may take to say so. */
const ABORT_MS = 1000;

/**
 * Claims what is due, attempts it, has it recorded. One claimer a process; as many deliveries in flight as
 * `concurrency` allows, and no more than a quarter of them to one lane, so that a destination that hangs leaves
 * room for the others.
 */
export class DeliveryWorker {
  private readonly inFlight = new Map<DeliveryId, ClaimedDelivery>();
  private readonly lanes = new Map<string, number>();
  /** Aborted by the stop: to be delivered by another node. */
  private readonly givenBack: DeliveryId[] = [];
  private readonly deadlines = new Deadlines();
  private loop: Promise<void> | undefined;
  private extending: NodeJS.Timeout | undefined;
  private stopping = false;
  private changed: () => void = () => undefined;
  private woken = false;

  constructor(private readonly parts: WorkerParts) {}

  /** Deliveries of one lane in flight, give or take one claim. */
  private get laneLimit(): number {
    return Math.ceil(this.parts.concurrency / 4);
  }

  get active(): number {
    return this.inFlight.size;
  }

  start(): void {
    if (this.loop !== undefined) return;
    this.loop = this.run();
    const { claims } = this.parts;
    this.extending = setInterval(
      () => void claims.extend([...this.inFlight.keys()]).catch(this.parts.onFault),
      (claims.leaseSeconds * 1000) / 3,
    );
  }

  /** Something may be due. */
  wake(): void {
    this.woken = true;
    this.changed();
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
    clearInterval(this.extending);
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      const room = Math.min(this.parts.concurrency - this.inFlight.size, MOST_AT_ONCE);
      if (room < Math.min(this.parts.concurrency, 8)) {
        await this.waitForChange(POLL_MS);
        continue;
      }
      this.woken = false;
      const claimed = await this.claim(room);
      for (const delivery of claimed) void this.deliver(delivery);
      if (claimed.length < room && !this.woken) await this.waitForWake(POLL_MS);
      if (claimed.length < room / 4) await this.pause(GATHER_MS);
    }
  }

  private async claim(room: number): Promise<ClaimedDelivery[]> {
    const full = [...this.lanes].filter(([, count]) => count >= this.laneLimit).map(([lane]) => lane);
    try {
      return await this.parts.claims.due(room, full);
    } catch (error) {
      this.parts.onFault(error);
      await this.pause(FAULT_PAUSE_MS);
      return [];
    }
  }

  private async deliver(claimed: ClaimedDelivery): Promise<void> {
    this.inFlight.set(claimed.delivery_id, claimed);
    this.lanes.set(claimed.lane_id, (this.lanes.get(claimed.lane_id) ?? 0) + 1);
    try {
      const attempted = await this.parts.attempt(claimed, this.deadlines);
      // Its destination has room again; that it is being recorded concerns this process only.
      this.leaveLane(claimed.lane_id);
      if (attempted.kind === 'released') this.givenBack.push(claimed.delivery_id);
      else await this.record(attempted.result);
    } catch (error) {
      this.parts.onFault(error);
    }
    this.inFlight.delete(claimed.delivery_id);
    this.changed();
  }

  private leaveLane(lane: string): void {
    const left = (this.lanes.get(lane) ?? 1) - 1;
    if (left === 0) this.lanes.delete(lane);
    else this.lanes.set(lane, left);
    // A lane that was left out of the last claims has room for a good handful again.
    if (left === Math.floor(this.laneLimit / 2)) this.wake();
  }

  private async record(result: Result): Promise<void> {
    await this.parts.recorder.record(result);
    this.parts.onRecorded(result);
  }

  private async drained(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (this.inFlight.size > 0 && Date.now() < deadline) await this.waitForChange(deadline - Date.now());
  }

  private async waitForWake(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (!this.woken && !this.stopping && Date.now() < deadline)
      await this.waitForChange(deadline - Date.now());
  }

  /** Until something ends or wakes, at most `ms`. */
  private waitForChange(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private pause(ms: number): Promise<void> {
    return this.stopping ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
  }
}
