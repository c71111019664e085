import { Socket } from 'node:net';
import { Client, type ClientConfig, type Pool } from 'pg';
import { type DataSource } from 'typeorm';

/**
 * Longer than any statement or idle transaction may take (statement_timeout, idle_in_transaction_session_timeout) and
 * than a session idles in the pool: a server that has said nothing for so long is out of reach. TCP itself would go on
 * for a quarter of an hour to send what is not acknowledged.
 */
const MOST_SILENCE_MS = 65_000;

/** For connections on which nothing is under way: after 10 s of silence a probe each second, ten of them. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };

/**
 * A session of a pool. PostgreSQL may end it in the very moment in which it opens, or while it changes hands, when
 * neither pool nor user listens; an error event that nobody hears ends the process. Whoever uses the session next is
 * told by their statement. A link that is cut says nothing at all: silence ends the session too.
 */
export class Session extends Client {
  constructor(config?: ClientConfig & { mostSilenceMs?: number }) {
    super({ ...KEEP_ALIVE, ...config });
    this.on('error', () => undefined);
    this.once('connect', () => this.endAfter(config?.mostSilenceMs ?? MOST_SILENCE_MS));
  }

  private endAfter(silenceMs: number): void {
    const { stream } = this.connection;
    const silent = Object.assign(new Error(`the database said nothing for ${silenceMs} ms`), {
      code: 'ETIMEDOUT',
    });
    if (stream instanceof Socket) stream.setTimeout(silenceMs, () => void stream.destroy(silent));
  }
}

/**
 * A session through a pooler in transaction mode: each transaction may meet another session of the server, so that
 * nothing that outlives a transaction may be counted on, a prepared statement least of all.
 */
export class PooledSession extends Session {}

/** Who waits for a free session of this source at the moment. */
export const waitingFor = ({ driver }: DataSource): number =>
  // The pool of TypeORM's driver, which has no type.
  (driver as unknown as { master?: Pool }).master?.waitingCount ?? 0;
