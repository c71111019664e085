import { type DueLane } from '../kernel/priority';
import { type Verdict } from './breaker';
import { type LaneName, type LaneStore } from './lane-store';
import { type Lanes, type Offer } from './lanes';

/** How often to look for work at least; a look that takes long is made less often. */
const LOOK_MS = 250;
/** Of the time at most one part in so many is spent looking … */
const LOOK_SHARE = 20;
/** … but however long one look took, the next one comes before the ownership of lanes ends (lane-store.ts). */
const MOST_LOOK_MS = 2000;

/** Keeps what this process knows of lanes in step with the table that all processes share. */
export class LaneKeeper {
  private lookAt = 0;
  private readonly saving = new Set<Promise<void>>();

  constructor(
    private readonly lanes: Lanes,
    private readonly store: Pick<LaneStore, 'discover' | 'own' | 'release' | 'save' | 'disownAll'>,
    private readonly onFault: (error: unknown) => void,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** Undefined: something may be due anywhere. */
  wake(due: readonly DueLane[] | undefined): void {
    if (due === undefined) this.lookAt = 0;
    else this.lanes.wake(due, this.clock());
  }

  hint(laneIds: readonly string[]): void {
    if (!this.lanes.hint(laneIds, this.clock())) this.lookAt = 0;
  }

  /** Looks at the table if it is time: finds work, takes and gives back lanes in care. */
  async look(): Promise<void> {
    const since = this.clock();
    if (since < this.lookAt) return;
    this.lookAt = since + LOOK_MS;
    const rows = await this.store.discover();
    const now = this.clock();
    this.lanes.found(rows, since, now);
    const wanted = this.lanes.wanted(now);
    if (wanted.length > 0) this.lanes.owned(await this.store.own(wanted), now, this.clock());
    this.lanes.probes(this.clock()).forEach((change) => this.save(change));
    const healed = this.lanes.healed(this.clock());
    if (healed.length > 0) this.lanes.released(await this.store.release(healed));
    const took = this.clock() - since;
    this.lookAt = Math.max(this.lookAt, since + Math.min(LOOK_SHARE * took, took + MOST_LOOK_MS));
  }

  offers(room: number, free: number): Offer[] {
    return this.lanes.offers(room, free, this.clock());
  }

  /** `claim` takes what is offered; what it returns is in flight from now on. */
  async claimed<Row extends { lane_id: string }>(
    offers: readonly Offer[],
    claim: (offers: readonly Offer[]) => Promise<Row[]>,
  ): Promise<Row[]> {
    const since = this.clock();
    const rows = await claim(offers);
    const counts = new Map<string, number>();
    for (const { lane_id } of rows) counts.set(lane_id, (counts.get(lane_id) ?? 0) + 1);
    this.lanes.claimed(offers, counts, since, this.clock());
    return rows;
  }

  /** An attempt has ended. True where more should be claimed soon. */
  left(lane: LaneName, verdict: Verdict, pauseSeconds: number | undefined, free: number): boolean {
    const now = this.clock();
    for (const change of this.lanes.judged(lane, verdict, pauseSeconds, now)) this.save(change);
    return this.lanes.left(lane.laneId, free, now);
  }

  /** Milliseconds until there can be something to do without being woken. */
  get idleMs(): number {
    const now = this.clock();
    return Math.max(1, Math.min(this.lookAt, this.lanes.nextAt(now)) - now);
  }

  get counts(): Record<string, number> {
    return this.lanes.counts(this.clock());
  }

  async stop(): Promise<void> {
    await Promise.all(this.saving);
    await this.store.disownAll().catch(this.onFault);
  }

  private save(change: Parameters<LaneStore['save']>[0]): void {
    const done = this.store
      .save(change)
      .catch(this.onFault)
      .finally(() => this.saving.delete(done));
    this.saving.add(done);
  }
}
