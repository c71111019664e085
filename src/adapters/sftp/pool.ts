import { Slots } from '../slots';
import { endedBy } from '../ended-by';
import { type Connection } from './connection';

/**
 * Kept connections of one destination; each carries one piece of work at a time, the others wait. A
 * connection that broke is not used again; a new one is opened when it is needed.
 */
export class Pool {
  private readonly slots: Slots;
  private readonly idle: Connection[] = [];
  private closed = false;

  constructor(
    max: number,
    private readonly open: (signal: AbortSignal) => Promise<Connection>,
  ) {
    this.slots = new Slots(max);
  }

  /** Runs the work with a connection. The signal ends both, and the connection with them. */
  use<T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.slots.use(signal, async () => {
      const connection = this.kept() ?? (await this.open(signal));
      const stop = (): void => connection.destroy();
      signal.addEventListener('abort', stop, { once: true });
      try {
        if (signal.aborted) connection.destroy();
        return await work(connection);
      } catch (error) {
        throw signal.aborted ? endedBy(signal) : error;
      } finally {
        signal.removeEventListener('abort', stop);
        await this.putBack(connection);
      }
    });
  }

  /** Closes what is idle; what is in use, when it is put back. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.idle.splice(0).map((connection) => connection.close()));
  }

  private kept(): Connection | undefined {
    let connection = this.idle.pop();
    while (connection?.broken === true) {
      connection.destroy();
      connection = this.idle.pop();
    }
    return connection;
  }

  private async putBack(connection: Connection): Promise<void> {
    if (connection.broken) connection.destroy();
    else if (this.closed) await connection.close();
    else this.idle.push(connection);
  }
}
