import { type PoolClient, type QueryResultRow } from 'pg';
import { type DataSource, type EntityManager } from 'typeorm';
import { type TenantId } from '../kernel/ids';
import { waitingFor } from './session';
import { execute, type Statement } from './statement';

/** Statements in a tenant's session: they see and write this tenant's rows only. */
export interface TenantStatements {
  readonly tenantId: TenantId;
  /** A prepared statement. */
  query<Row extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]>;
}

/** All of them in one open transaction. */
export interface TenantTx extends TenantStatements {
  /** For administration, by entities. */
  readonly manager: EntityManager;
}

/**
 * The only door to a tenant's rows. Row-level security does the separating: the tenant is a local setting
 * of the transaction, gone with it, and a session without one sees nothing.
 */
export class TenantTransaction {
  constructor(private readonly source: DataSource) {}

  /** Who waits for a free session at the moment. */
  get waiting(): number {
    return waitingFor(this.source);
  }

  /** Each statement in a transaction of its own and one round trip: for the hot path. */
  each(tenantId: TenantId): TenantStatements {
    return { tenantId, query: (statement, values) => this.once(tenantId, statement, values) };
  }

  async run<T>(tenantId: TenantId, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    const runner = this.source.createQueryRunner();
    try {
      const client = (await runner.connect()) as PoolClient;
      await runner.startTransaction();
      await execute(client, SET_TENANT, [tenantId]);
      const result = await work({
        tenantId,
        manager: runner.manager,
        query: (statement, values) => execute(client, statement, values),
      });
      await runner.commitTransaction();
      return result;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  }

  private async once<Row extends QueryResultRow>(
    tenantId: TenantId,
    statement: Statement,
    values: unknown[],
  ): Promise<Row[]> {
    const runner = this.source.createQueryRunner();
    try {
      return await inOneTrip((await runner.connect()) as PoolClient, tenantId, statement, values);
    } finally {
      await runner.release();
    }
  }
}

const SET_TENANT = { name: 'set_tenant', text: `SELECT set_config('app.tenant_id', $1, true)` };

/**
 * Sent together, answered in order (the source's clients are in pipeline mode). Where the statement fails, the COMMIT
 * behind it ends the transaction as a rollback.
 */
async function inOneTrip<Row extends QueryResultRow>(
  client: PoolClient,
  tenantId: TenantId,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> {
  const { stream } = client.connection;
  stream.cork();
  const answers = [
    client.query('BEGIN'),
    execute(client, SET_TENANT, [tenantId]),
    execute<Row>(client, statement, values),
    client.query('COMMIT'),
  ] as const;
  stream.uncork();
  // The connection is free for others only when all have been answered.
  await Promise.allSettled(answers);
  const [, , rows] = await Promise.all(answers);
  return rows;
}
