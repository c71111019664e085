import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { isUuid } from '../kernel/ids';
import { type SystemTransaction } from './system-transaction';

const CHANNEL = 'distribution_queue';
const NOTIFY = { name: 'notify_queue', text: `SELECT pg_notify('${CHANNEL}', $1)` };
/** A payload may have 8,000 bytes; beyond so many lanes a look at the table is cheaper than a list. */
const MOST_NAMED = 100;
export const ANYWHERE = '*';

/** A NOTIFY on every commit would cost two thirds of the throughput; one in a while is enough for a hint. */
const AT_MOST_EVERY_MS = 20;
const RECONNECT_MS = 2000;

/** Hints between processes that something is due. Polling is the guarantee, so a lost hint costs a little time only. */
export class WakeUps {
  private pending: NodeJS.Timeout | undefined;
  private readonly lanes = new Set<string>();
  /** By which this process knows its own hints again. */
  private readonly sender = randomUUID();
  private listener: Client | undefined;
  private stopped = false;

  constructor(
    private readonly system: SystemTransaction,
    private readonly url: string,
  ) {}

  /** After a commit, never inside its transaction: something is due in these lanes. */
  send(laneIds: readonly string[]): void {
    for (const laneId of laneIds) this.lanes.add(laneId);
    this.pending ??= setTimeout(() => this.flush(), AT_MOST_EVERY_MS).unref();
  }

  private flush(): void {
    this.pending = undefined;
    const lanes = this.lanes.size > MOST_NAMED ? ANYWHERE : [...this.lanes].join();
    this.lanes.clear();
    this.system.query(NOTIFY, [`${this.sender} ${lanes}`]).catch(() => undefined);
  }

  /**
   * Calls back for every hint of other processes, with the lanes it names; with undefined where it names none, and after
   * the connection was lost and found again.
   */
  listen(onWake: (laneIds: string[] | undefined) => void): void {
    if (this.stopped) return;
    const client = new Client({ connectionString: this.url, application_name: 'distributor listen' });
    this.listener = client;
    const again = (): void => {
      client.removeAllListeners('end');
      setTimeout(() => this.listen(onWake), RECONNECT_MS).unref();
    };
    client.on('error', () => undefined);
    client.on('notification', ({ payload = '' }) => {
      const [sender, lanes] = payload.split(' ');
      if (sender !== this.sender) onWake(lanesIn(lanes));
    });
    client.once('end', again);
    client
      .connect()
      .then(() => client.query(`LISTEN ${CHANNEL}`))
      .then(() => onWake(undefined))
      .catch(again);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.pending);
    this.listener?.removeAllListeners('end');
    await this.listener?.end().catch(() => undefined);
  }
}

/** Anybody may notify, with any words: what is not a list of lanes means anywhere. */
function lanesIn(words: string | undefined): string[] | undefined {
  const lanes = words?.split(',') ?? [];
  return lanes.length > 0 && lanes.every(isUuid) ? lanes : undefined;
}
