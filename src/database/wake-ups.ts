import { Client } from 'pg';
import { type SystemTransaction } from './system-transaction';

const CHANNEL = 'distribution_queue';
const NOTIFY = { name: 'notify_queue', text: `SELECT pg_notify('${CHANNEL}', '')` };

/** A NOTIFY on every commit would cost two thirds of the throughput; one in a while is enough for a hint. */
const AT_MOST_EVERY_MS = 20;
const RECONNECT_MS = 2000;

/** Hints between processes that something is due. Polling is the guarantee, so a lost hint costs a little time only. */
export class WakeUps {
  private pending: NodeJS.Timeout | undefined;
  private listener: Client | undefined;
  private stopped = false;

  constructor(
    private readonly system: SystemTransaction,
    private readonly url: string,
  ) {}

  /** After a commit, never inside its transaction. */
  send(): void {
    this.pending ??= setTimeout(() => {
      this.pending = undefined;
      this.system.query(NOTIFY, []).catch(() => undefined);
    }, AT_MOST_EVERY_MS).unref();
  }

  /** Calls back for every hint, also after the connection was lost and found again. */
  listen(onWake: () => void): void {
    if (this.stopped) return;
    const client = new Client({ connectionString: this.url, application_name: 'distributor listen' });
    this.listener = client;
    const again = (): void => {
      client.removeAllListeners('end');
      setTimeout(() => this.listen(onWake), RECONNECT_MS).unref();
    };
    client.on('error', () => undefined);
    client.on('notification', onWake);
    client.once('end', again);
    client
      .connect()
      .then(() => client.query(`LISTEN ${CHANNEL}`))
      .then(onWake)
      .catch(again);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.pending);
    this.listener?.removeAllListeners('end');
    await this.listener?.end().catch(() => undefined);
  }
}
