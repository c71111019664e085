import { setMaxListeners } from 'node:events';
import { endedBy, untilEnded } from '../ended-by';
import { type Driver, type SqlConnection } from './drivers/connection';

/** Longer unused, a connection has likely been dropped by something in between. */
const STALE_MS = 60_000;

interface Idle {
  connection: SqlConnection;
  since: number;
}

interface Waiter {
  resolve(connection: SqlConnection): void;
  reject(error: Error): void;
}

/**
 * The sessions of one destination: at most `size`, opened when needed, each used by one delivery at a time.
 * A session is given back only when it is clean; one that was interrupted is ended, never used again.
 */
export class ConnectionPool {
  private readonly idle: Idle[] = [];
  private readonly waiting: Waiter[] = [];
  private readonly ending = new Set<Promise<void>>();
  private readonly lost = new WeakSet<SqlConnection>();
  private open = 0;
  private drained: (() => void) | undefined;

  constructor(
    private readonly driver: Driver,
    private readonly size: number,
  ) {}

  /**
   * Runs `work` with a session. When it fails or the signal comes first, the session is ended with what it
   * was doing, unless `keeps` says that the failure left it clean. Rejects with the failure.
   */
  async use<T>(
    signal: AbortSignal,
    work: (connection: SqlConnection) => Promise<T>,
    keeps: (error: unknown) => boolean,
  ): Promise<T> {
    const connection = await this.acquire(signal);
    if (signal.aborted) {
      this.giveBack(connection);
      throw endedBy(signal);
    }
    try {
      const result = await untilEnded(work(connection), signal);
      this.giveBack(connection);
      return result;
    } catch (error) {
      if (!signal.aborted && keeps(error)) this.giveBack(connection);
      else this.end(connection, () => connection.abandon());
      throw error;
    }
  }

  /** Waits for the sessions in use, which end by their own signals. */
  async close(): Promise<void> {
    for (const { connection } of this.idle.splice(0)) this.end(connection, () => connection.close());
    if (this.open > 0) await new Promise<void>((resolve) => (this.drained = resolve));
    for (const { connection } of this.idle.splice(0)) this.end(connection, () => connection.close());
    await Promise.all(this.ending);
  }

  private async acquire(signal: AbortSignal): Promise<SqlConnection> {
    if (signal.aborted) throw endedBy(signal);
    for (let found = this.idle.pop(); found !== undefined; found = this.idle.pop()) {
      const { connection, since } = found;
      if (performance.now() - since < STALE_MS) return connection;
      this.end(connection, () => connection.close());
    }
    return this.wait(signal);
  }

  /** The next session, in the order of asking; opens one more while there is room. */
  private wait(signal: AbortSignal): Promise<SqlConnection> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.leaveQueue(waiter);
        reject(endedBy(signal));
      };
      const settled = (): void => signal.removeEventListener('abort', leave);
      const waiter: Waiter = {
        resolve: (connection) => (settled(), resolve(connection)),
        reject: (error) => (settled(), reject(error)),
      };
      setMaxListeners(0, signal);
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(waiter);
      if (this.open < this.size) this.openOne();
    });
  }

  private leaveQueue(waiter: Waiter): void {
    const at = this.waiting.indexOf(waiter);
    if (at !== -1) this.waiting.splice(at, 1);
  }

  private openOne(): void {
    this.open++;
    this.driver.connect().then(
      (connection) => {
        connection.onLost(() => this.onLost(connection));
        this.giveBack(connection);
      },
      (error: Error) => {
        this.waiting.shift()?.reject(error);
        this.closedOne();
      },
    );
  }

  private giveBack(connection: SqlConnection): void {
    if (this.lost.has(connection)) return this.end(connection, () => connection.close());
    const next = this.waiting.shift();
    if (next !== undefined) return next.resolve(connection);
    if (this.drained !== undefined) return this.end(connection, () => connection.close());
    this.idle.push({ connection, since: performance.now() });
  }

  private onLost(connection: SqlConnection): void {
    this.lost.add(connection);
    const at = this.idle.findIndex((one) => one.connection === connection);
    if (at === -1) return;
    this.idle.splice(at, 1);
    this.end(connection, () => connection.close());
  }

  private end(connection: SqlConnection, how: () => Promise<void>): void {
    this.lost.add(connection);
    const done = how().finally(() => {
      this.ending.delete(done);
      this.closedOne();
    });
    this.ending.add(done);
  }

  /** There is room for one more: for whoever waits. */
  private closedOne(): void {
    this.open--;
    if (this.waiting.length > 0 && this.open < this.size) this.openOne();
    if (this.open === 0) this.drained?.();
  }
}
