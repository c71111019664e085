import { within } from '../../support/eventually';

/** One time that a delivery came to a receiver. */
export interface Arrival {
  attempt: number;
  /** Milliseconds since the epoch. */
  at: number;
  /** Whether the receiver took it; undefined until it has answered, or when it never did. */
  taken: boolean | undefined;
}

/** What receivers know of one delivery. */
export interface Entry {
  deliveryId: string;
  distributionId: string;
  /** `tenant/destination`. */
  place: string;
  arrivals: Arrival[];
}

/**
 * What receivers of any kind saw, kept outside the service: the one side of the accounts that a fault in the service
 * cannot touch.
 */
export class Ledger {
  readonly entries = new Map<string, Entry>();
  private readonly strange: string[] = [];
  private waiting: { count: number; place: string | undefined; resolve: () => void }[] = [];
  private readonly deliveriesAt = new Map<string | undefined, number>();

  /** Notes an arrival; the receiver sets `taken` when it answers. */
  arrived(place: string, deliveryId: string, distributionId: string, attempt: number): Arrival {
    const arrival: Arrival = { attempt, at: Date.now(), taken: undefined };
    const entry = this.entries.get(deliveryId);
    if (entry === undefined) {
      this.entries.set(deliveryId, { deliveryId, distributionId, place, arrivals: [arrival] });
      this.countNew(place);
    } else {
      if (entry.place !== place || entry.distributionId !== distributionId) {
        this.strange.push(`${deliveryId} came for ${distributionId} to ${place} and before that otherwise`);
      }
      entry.arrivals.push(arrival);
    }
    return arrival;
  }

  /** Whether this attempt has come before. */
  has(deliveryId: string, attempt: number): boolean {
    return this.entries.get(deliveryId)?.arrivals.some((arrival) => arrival.attempt === attempt) === true;
  }

  /** Ids that were used for two deliveries. */
  get contradictions(): readonly string[] {
    return this.strange;
  }

  at(place: string): Entry[] {
    return [...this.entries.values()].filter((entry) => entry.place === place);
  }

  /** Different deliveries that have come, to one place or in all. */
  count(place?: string): number {
    return this.deliveriesAt.get(place) ?? 0;
  }

  /** Arrivals of an attempt that had come before. */
  repeats(): number {
    let repeats = 0;
    for (const { arrivals } of this.entries.values()) {
      repeats += arrivals.length - new Set(arrivals.map(({ attempt }) => attempt)).size;
    }
    return repeats;
  }

  /** Resolves when so many different deliveries have come. */
  reaches(count: number, place?: string, withinMs = 30_000): Promise<void> {
    if (this.count(place) >= count) return Promise.resolve();
    const reached = new Promise<void>((resolve) => this.waiting.push({ count, place, resolve }));
    return within(withinMs, `${count} deliveries at ${place ?? 'the receivers'}`, reached);
  }

  private countNew(place: string): void {
    for (const key of [place, undefined]) this.deliveriesAt.set(key, this.count(key) + 1);
    const reached = this.waiting.filter((waiter) => this.count(waiter.place) >= waiter.count);
    this.waiting = this.waiting.filter((waiter) => !reached.includes(waiter));
    for (const { resolve } of reached) resolve();
  }
}
