import { type PoolClient, type QueryResultRow } from 'pg';
import { type DataSource, type EntityManager } from 'typeorm';
import { type TenantId } from '../kernel/ids';
import { execute, type Statement } from './statement';

/** An open transaction in a tenant's session: it sees and writes this tenant's rows only. */
export interface TenantTx {
  readonly tenantId: TenantId;
  /** For administration, by entities. */
  readonly manager: EntityManager;
  /** For the hot path, by prepared statements. */
  query<Row extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]>;
}

/**
 * The only door to a tenant's rows. Row-level security does the separating: the tenant is a local setting
 * of the transaction, gone with it, and a session without one sees nothing.
 */
export class TenantTransaction {
  constructor(private readonly source: DataSource) {}

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
}

const SET_TENANT = { name: 'set_tenant', text: `SELECT set_config('app.tenant_id', $1, true)` };
