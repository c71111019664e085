import { type TenantId } from '../kernel/ids';
import { UnboundByPolicies } from './bypass-check';
import { isSerializationFault, isUnavailable, sqlState } from './faults';
import { type TenantTransaction, type TenantTx } from './tenant-transaction';

/** A copy of the database that is some moments behind. */
export interface Replica {
  /** Returns when it answers, under a login that policies bind. Again after each loss. */
  open(): Promise<void>;
  sessions: Pick<TenantTransaction, 'run'>;
  /** How far it is behind its primary; 0 where it has all that there is. */
  lagSeconds(): Promise<number>;
  close(): Promise<void>;
}

export interface ReadParts {
  primary: Pick<TenantTransaction, 'run'>;
  /** Undefined where there is none. */
  replica: Replica | undefined;
  onLost: (error: unknown) => void;
}

/** How long nobody asks again for a replica that is away. */
const AWAY_MS = 5000;

/**
 * Reads of a tenant that may be some moments old: on the replica where there is one and it answers, else on the
 * primary. Never what a caller must find again right after he wrote it. `work` may be run twice.
 */
export class ReadTransaction {
  private isThere = false;
  private opening: Promise<void> | undefined;
  private openedAt = 0;

  constructor(private readonly parts: ReadParts) {}

  /** Once, before the first read. A replica that is away is asked for again; one that must not be read is refused. */
  async start(): Promise<void> {
    await this.open().catch((error: unknown) => {
      if (error instanceof UnboundByPolicies) throw error;
      this.parts.onLost(error);
    });
  }

  async run<T>(tenantId: TenantId, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    const { primary, replica } = this.parts;
    if (replica === undefined) return primary.run(tenantId, work);
    if (!this.isThere) {
      this.openLater();
      return primary.run(tenantId, work);
    }
    try {
      return await replica.sessions.run(tenantId, work);
    } catch (error) {
      if (isOfReplica(error)) return primary.run(tenantId, work);
      if (!isUnavailable(error)) throw error;
      this.lose(error);
      return primary.run(tenantId, work);
    }
  }

  /** How far the replica is behind its primary; undefined while it is away, and where there is none. */
  async lagSeconds(): Promise<number | undefined> {
    const { replica } = this.parts;
    if (!this.isThere) this.openLater();
    if (replica === undefined || !this.isThere) return undefined;
    try {
      return await replica.lagSeconds();
    } catch (error) {
      if (!isOfReplica(error)) this.lose(error);
      return undefined;
    }
  }

  async stop(): Promise<void> {
    await this.opening?.catch(() => undefined);
    await this.parts.replica?.close();
  }

  private lose(error: unknown): void {
    if (this.isThere) this.parts.onLost(error);
    this.isThere = false;
  }

  /** Nobody waits for it. */
  private openLater(): void {
    if (this.opening !== undefined || performance.now() - this.openedAt < AWAY_MS) return;
    this.open().catch(this.parts.onLost);
  }

  private open(): Promise<void> {
    const { replica } = this.parts;
    if (replica === undefined) return Promise.resolve();
    this.opening = replica
      .open()
      .then(() => void (this.isThere = true))
      .finally(() => {
        this.opening = undefined;
        this.openedAt = performance.now();
      });
    return this.opening;
  }
}

/**
 * The primary may well answer: the replica was replaying what the query reads, took too long, or does not have the
 * tables of this version yet.
 */
const isOfReplica = (error: unknown): boolean =>
  isSerializationFault(error) || /^(57014|42)/.test(sqlState(error) ?? '');
