import { Client, type ClientConfig } from 'pg';

/**
 * A session of a pool. PostgreSQL may end it in the very moment in which it opens, or while it changes hands, when
 * neither pool nor user listens; an error event that nobody hears ends the process. Whoever uses the session next is
 * told by their statement.
 */
export class Session extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/**
 * A session through a pooler in transaction mode: each transaction may meet another session of the server, so that
 * nothing that outlives a transaction may be counted on, a prepared statement least of all.
 */
export class PooledSession extends Session {}
