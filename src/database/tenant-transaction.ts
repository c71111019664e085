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
  /** Sent together with the COMMIT, when the work is done; where it fails, nothing stays. */
  last(statement: Statement, values: unknown[]): void;
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
      // The transaction is ours: the manager must not begin one of its own.
      Object.assign(runner, { isTransactionActive: true });
      return await inTransaction(client, tenantId, (statements) =>
        work({ tenantId, manager: runner.manager, ...statements }),
      );
    } finally {
      Object.assign(runner, { isTransactionActive: false });
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
 * The work between BEGIN and COMMIT, in as few round trips as it lets: its first statement goes out with the BEGIN, its
 * last with the COMMIT (the source's clients are in pipeline mode).
 */
async function inTransaction<T>(
  client: PoolClient,
  tenantId: TenantId,
  work: (tx: Pick<TenantTx, 'query' | 'last'>) => Promise<T>,
): Promise<T> {
  const { stream } = client.connection;
  let last: (() => Promise<unknown>) | undefined;
  stream.cork();
  const begun = Promise.all([client.query('BEGIN'), execute(client, SET_TENANT, [tenantId])]);
  begun.catch(() => undefined);
  process.nextTick(() => stream.uncork());
  try {
    const result = await work({
      query: (statement, values) => execute(client, statement, values),
      last: (statement, values) => (last = () => execute(client, statement, values)),
    });
    await begun;
    stream.cork();
    const ending = [last?.(), client.query('COMMIT')];
    stream.uncork();
    await answered(ending);
    return result;
  } catch (error) {
    const first = await begun.then(
      () => error,
      (reason: unknown) => reason,
    );
    await client.query('ROLLBACK').catch(() => undefined);
    throw first;
  }
}

/** One statement and its transaction in one round trip. */
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
  const [, , rows] = await answered(answers);
  return rows;
}

/**
 * What was sent together is answered in order, and the connection is free for others when all of it has been. Where a
 * statement fails, the COMMIT behind it ends the transaction as a rollback.
 */
async function answered<Answers extends readonly unknown[]>(answers: Answers) {
  await Promise.allSettled(answers);
  return Promise.all(answers);
}
