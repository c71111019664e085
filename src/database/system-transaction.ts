import { type PoolClient, type QueryResultRow } from 'pg';
import { type DataSource, type EntityManager } from 'typeorm';
import { waitingFor } from './session';
import { execute, type Statement } from './statement';

export interface SystemTx {
  readonly manager: EntityManager;
  query<Row extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]>;
}

/**
 * The unsafe door: a session that sees the rows of every tenant. For claims, upkeep, key look-up and
 * platform administration; lint names the files that may import it.
 */
export class SystemTransaction {
  constructor(private readonly source: DataSource) {}

  /** Who waits for a free session at the moment. */
  get waiting(): number {
    return waitingFor(this.source);
  }

  /** One statement, its own transaction, one round trip. */
  async query<Row extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]> {
    const runner = this.source.createQueryRunner();
    try {
      return await execute((await runner.connect()) as PoolClient, statement, values);
    } finally {
      await runner.release();
    }
  }

  async run<T>(work: (tx: SystemTx) => Promise<T>): Promise<T> {
    return this.source.transaction(async (manager) => {
      const client = (await manager.queryRunner?.connect()) as PoolClient;
      return work({ manager, query: (statement, values) => execute(client, statement, values) });
    });
  }
}
