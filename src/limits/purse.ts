import { type Clock } from '../kernel/clock';
import { fullAt, mostAtOnce, type Sighting, tokensAt, waitMs } from './bucket';
import { type Lease, type Visit } from './lease';

/** What a caller sees of the limit that applies to him (headers of the contract). */
export interface LimitState {
  /** In a window. */
  limit: number;
  windowSeconds: number;
  remaining: number;
  resetAt: Date;
}

export type Taken = LimitState &
  (
    | { kind: 'granted' }
    | { kind: 'refused'; retryAfterSeconds: number }
    /** Can never pass. */
    | { kind: 'too_many'; most: number }
  );

interface Waiting {
  tokens: number;
  resolve: (taken: Taken | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * How long tokens in hand may be used, a refusal is remembered and a sighting is believed: the time within which
 * a changed limit holds, and in which tokens in hand may be spent beside a bucket that refills.
 */
export const LEASE_MS = 250;
/** So that a crowd of refused requests does not become a crowd of visits. */
const LEAST_REFUSAL_MS = 5;

/**
 * The tokens of one bucket that this process holds. Requests that wait while a visit is under way share the next
 * one, and a busy purse brings some for later; so visits do not grow with requests.
 */
export class Purse {
  private inHand = 0;
  private usedInLease = 0;
  private seen: Sighting | undefined;
  private refusal = { tokens: Infinity, until: 0 };
  private waiting: Waiting[] = [];
  private visiting: Promise<void> | undefined;
  private lastUsed = 0;

  constructor(
    private readonly visit: (visit: Visit) => Promise<Lease | undefined>,
    private readonly clock: Clock,
  ) {}

  /** Undefined where there is no such bucket. With 0 tokens: only a look, a quarter of a second old at most. */
  async take(tokens: number): Promise<Taken | undefined> {
    const now = this.now();
    this.lastUsed = now;
    const known = this.fromMemory(tokens, now);
    if (known !== undefined) return known;
    return new Promise((resolve, reject) => {
      this.waiting.push({ tokens, resolve, reject });
      this.visiting ??= this.visits().finally(() => (this.visiting = undefined));
    });
  }

  /** Brings back what may not be used any more. */
  async settle(): Promise<void> {
    if (this.visiting === undefined && !this.isFresh(this.now(), LEASE_MS)) await this.giveBack();
  }

  async giveBack(): Promise<void> {
    await this.visiting;
    const returned = this.inHand;
    if (returned === 0) return;
    this.inHand = 0;
    this.see(await this.visit({ returned, first: 0, wanted: 0, ahead: 0 }));
  }

  /** Nobody has asked for a while, and there is nothing to bring back. */
  isIdle(forMs: number): boolean {
    return this.inHand === 0 && this.visiting === undefined && this.now() - this.lastUsed > forMs;
  }

  private fromMemory(tokens: number, now: number): Taken | undefined {
    const { seen } = this;
    // Those who wait came first.
    if (seen === undefined || this.waiting.length > 0 || !this.isFresh(now, LEASE_MS)) return undefined;
    if (tokens === 0) return this.granted(seen, now);
    if (tokens <= this.inHand) return this.spend(tokens, seen, now);
    if (tokens >= this.refusal.tokens && now < this.refusal.until) return this.refused(tokens, seen, now);
    return undefined;
  }

  private async visits(): Promise<void> {
    // Let all that arrives in this turn of the event loop come along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const served = this.waiting.splice(0);
      const returned = this.inHand;
      this.inHand = 0;
      try {
        const wanted = served.reduce((sum, { tokens }) => sum + tokens, 0);
        const first = served[0]?.tokens ?? 0;
        const ahead = this.isFresh(this.now(), 2 * LEASE_MS) ? this.usedInLease : 0;
        this.serve(served, this.see(await this.visit({ returned, first, wanted, ahead })));
      } catch (error) {
        // Whether the tokens came back is not known; none is given out twice.
        for (const { reject } of served) reject(error);
      }
    }
  }

  private see(lease: Lease | undefined): Sighting | undefined {
    const now = this.now();
    this.seen = lease === undefined ? undefined : { ...lease, at: now };
    this.inHand += lease?.granted ?? 0;
    this.usedInLease = 0;
    this.refusal = { tokens: Infinity, until: 0 };
    return this.seen;
  }

  /** In the order of arrival; a smaller one may pass a larger one that is refused. */
  private serve(served: Waiting[], seen: Sighting | undefined): void {
    const now = this.now();
    for (const { tokens, resolve } of served) {
      if (seen === undefined) resolve(undefined);
      else if (tokens <= this.inHand) resolve(this.spend(tokens, seen, now));
      else resolve(this.refuse(tokens, seen, now));
    }
  }

  private spend(tokens: number, seen: Sighting, now: number): Taken {
    this.inHand -= tokens;
    this.usedInLease += tokens;
    return this.granted(seen, now);
  }

  private granted(seen: Sighting, now: number): Taken {
    return { kind: 'granted', ...this.state(seen, now) };
  }

  private refuse(tokens: number, seen: Sighting, now: number): Taken {
    const wait = waitMs({ ...seen, tokens: seen.tokens + this.inHand }, tokens, now);
    const until = now + Math.min(LEASE_MS, Math.max(LEAST_REFUSAL_MS, wait));
    if (tokens < this.refusal.tokens) this.refusal = { tokens, until };
    return this.refused(tokens, seen, now);
  }

  private refused(tokens: number, seen: Sighting, now: number): Taken {
    const most = mostAtOnce(seen);
    if (tokens > most) return { kind: 'too_many', most, ...this.state(seen, now) };
    const wait = waitMs({ ...seen, tokens: seen.tokens + this.inHand }, tokens, now);
    return {
      kind: 'refused',
      retryAfterSeconds: Math.max(1, Math.ceil(wait / 1000)),
      ...this.state(seen, now),
    };
  }

  private state(seen: Sighting, now: number): LimitState {
    const inHand = { ...seen, tokens: seen.tokens + this.inHand };
    return {
      limit: seen.requests,
      windowSeconds: seen.windowSeconds,
      remaining: Math.max(0, Math.floor(tokensAt(inHand, now))),
      resetAt: new Date(fullAt(inHand, now)),
    };
  }

  private isFresh(now: number, forMs: number): boolean {
    return this.seen !== undefined && now < this.seen.at + forMs;
  }

  private now(): number {
    return this.clock.now().getTime();
  }
}
