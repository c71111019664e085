import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { CONFIGURATION, Hints, QUEUE } from './hints';
import { KEEP_ALIVE } from './session';
import { type SystemTransaction } from './system-transaction';

const NOTIFY = { name: 'notify_queue', text: `SELECT pg_notify('${QUEUE}', $1)` };
const NOTIFY_CHANGES = {
  name: 'notify_configuration',
  text: `SELECT pg_notify('${CONFIGURATION}', owner) FROM unnest($1::text[]) AS owner`,
};
/** What the procedures of the SQL intake say, in the transaction of their caller. */
const SQL_REQUESTS = 'sql_requests';

/** A NOTIFY on every commit would cost two thirds of the throughput; one in a while is enough for a hint. */
const AT_MOST_EVERY_MS = 20;
const RECONNECT_MS = 2000;
const CONNECT_MS = 10_000;

export interface Listeners {
  /**
   * Something may be due in these lanes, or, with undefined, anywhere: the hint named none, or the connection was lost
   * and found again. Undefined itself in a process that delivers nothing.
   */
  onWork: ((laneIds: string[] | undefined) => void) | undefined;
  /** Requests by SQL may be waiting; called for a lost connection too. Undefined in a process that settles none. */
  onSqlRequests: (() => void) | undefined;
  /** What is kept of this tenant's configuration may be old; null: of the platform's, and so of everybody's. */
  onChange: (tenantId: string | null) => void;
}

/**
 * Hints between processes that something is due, or that configuration was changed. Polling is the guarantee, so a
 * lost hint costs a little time only.
 */
export class WakeUps {
  private pending: NodeJS.Timeout | undefined;
  private readonly lanes = new Set<string>();
  /** By which this process knows its own hints again. */
  private readonly sender = randomUUID();
  private changes: Set<string | null> | undefined;
  private listener: Client | undefined;
  private stopped = false;
  private readonly hints: Hints;

  constructor(
    private readonly system: SystemTransaction,
    private readonly url: string,
    hashKey: Buffer,
  ) {
    this.hints = new Hints(hashKey);
  }

  /** After a commit, never inside its transaction: something is due in these lanes. */
  send(laneIds: readonly string[]): void {
    for (const laneId of laneIds) this.lanes.add(laneId);
    this.pending ??= setTimeout(() => this.flush(), AT_MOST_EVERY_MS).unref();
  }

  private flush(): void {
    this.pending = undefined;
    const lanes = this.hints.ofLanes(this.lanes);
    this.lanes.clear();
    this.system.query(NOTIFY, [`${this.sender} ${lanes}`]).catch(() => undefined);
  }

  /** After a change of configuration has been committed. Many changes of one owner in a moment are one hint. */
  changed(tenantId: string | null): void {
    if (this.changes === undefined) {
      this.changes = new Set();
      setTimeout(() => this.sendChanges(), AT_MOST_EVERY_MS).unref();
    }
    this.changes.add(tenantId);
  }

  private heard(payload: string, { onWork, onSqlRequests }: Listeners): void {
    if (payload === SQL_REQUESTS) {
      onSqlRequests?.();
      return;
    }
    const [sender, lanes = ''] = payload.split(' ');
    if (sender !== this.sender) onWork?.(this.hints.lanesIn(lanes));
  }

  private sendChanges(): void {
    const owners = [...(this.changes ?? [])].map((owner) => this.hints.ofOwner(owner));
    this.changes = undefined;
    if (!this.stopped) this.system.query(NOTIFY_CHANGES, [owners]).catch(() => undefined);
  }

  /** Calls back for every hint, also after the connection was lost and found again. */
  listen(listeners: Listeners): void {
    if (this.stopped) return;
    const client = new Client({
      ...KEEP_ALIVE,
      connectionString: this.url,
      application_name: 'distributor listen',
      connectionTimeoutMillis: CONNECT_MS,
    });
    this.listener = client;
    let isLost = false;
    const again = (): void => {
      if (isLost) return;
      isLost = true;
      setTimeout(() => this.listen(listeners), RECONNECT_MS).unref();
    };
    client.on('error', () => undefined);
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === QUEUE) this.heard(payload, listeners);
      else listeners.onChange(this.hints.ownerIn(payload));
    });
    client.once('end', again);
    client
      .connect()
      .then(() =>
        client.query(
          listeners.onWork || listeners.onSqlRequests
            ? `LISTEN ${QUEUE}; LISTEN ${CONFIGURATION}`
            : `LISTEN ${CONFIGURATION}`,
        ),
      )
      .then(() => {
        listeners.onWork?.(undefined);
        listeners.onSqlRequests?.();
        // What was changed while nobody listened.
        listeners.onChange(null);
      })
      .catch(again);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.pending);
    this.listener?.removeAllListeners('end');
    await this.listener?.end().catch(() => undefined);
  }
}
