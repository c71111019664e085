import { type Clock } from '../kernel/clock';
import { notFound } from '../kernel/errors';
import { type ApiKeyId, type TenantId } from '../kernel/ids';
import { type BucketId, type LeaseTokens } from './lease';
import { LEASE_MS, Purse, type Taken } from './purse';

/** Purses that nobody used for so long are forgotten. */
const IDLE_MS = 10_000;

/**
 * Limits of tenants and keys, shared by all processes (docs/operations.md). Every method rejects where the database
 * cannot be asked and no tokens are in hand: whoever asks needs the database for the work itself anyway.
 */
export class RateLimits {
  private readonly purses = new Map<string, Purse>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly lease: LeaseTokens,
    private readonly clock: Clock,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** So many jobs of a tenant, all or none. */
  takeSubmissions(tenantId: TenantId, jobs: number): Promise<Taken> {
    return this.take({ tenantId }, jobs);
  }

  /** One request under a key. */
  takeRequest(tenantId: TenantId, keyId: ApiKeyId): Promise<Taken> {
    return this.take({ tenantId, keyId }, 1);
  }

  /** Jobs that the tenant may submit at this moment. */
  async remaining(tenantId: TenantId): Promise<number> {
    return (await this.take({ tenantId }, 0)).remaining;
  }

  start(): void {
    this.timer ??= setInterval(() => void this.settle(), LEASE_MS).unref();
  }

  /** What is in hand goes back. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await this.each((purse) => purse.giveBack());
    this.purses.clear();
  }

  private async settle(): Promise<void> {
    for (const [name, purse] of this.purses) if (purse.isIdle(IDLE_MS)) this.purses.delete(name);
    await this.each((purse) => purse.settle());
  }

  private async each(work: (purse: Purse) => Promise<void>): Promise<void> {
    await Promise.all([...this.purses.values()].map((purse) => work(purse).catch(this.onFault)));
  }

  private async take(bucket: BucketId, tokens: number): Promise<Taken> {
    const taken = await this.purseOf(bucket).take(tokens);
    if (taken === undefined) throw notFound(`tenant ${bucket.tenantId}`);
    return taken;
  }

  private purseOf(bucket: BucketId): Purse {
    // Neither kind of id contains a slash.
    const name = `${bucket.tenantId}/${bucket.keyId ?? ''}`;
    let purse = this.purses.get(name);
    if (purse === undefined) {
      purse = new Purse((visit) => this.lease(bucket, visit), this.clock);
      this.purses.set(name, purse);
    }
    return purse;
  }
}
