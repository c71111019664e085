import { type QueryResultRow } from 'pg';
import { type EntityManager } from 'typeorm';
import { type Statement } from '../../../src/database/statement';
import { type TenantTx } from '../../../src/database/tenant-transaction';
import { type TenantId } from '../../../src/kernel/ids';
import { ADMINISTRATION } from './administration';
import { CLAIMS } from './claim';
import { JOBS } from './jobs';
import { LANES } from './lanes';
import { ORDERING } from './ordering';
import { RECORDS } from './record';
import { REPLAYS } from './replay';
import { micro, type Moment, Tables } from './tables';
import { type Modelled, type Row } from './values';

export type Statements = Record<string, Modelled>;

/** By the names that the statements have in src. */
export const STATEMENTS: Statements = {
  ...CLAIMS,
  ...LANES,
  ...RECORDS,
  ...ORDERING,
  ...JOBS,
  ...REPLAYS,
  ...ADMINISTRATION,
};

/** `tenantId` is empty in a session of the system. */
export interface Executed {
  now: Moment;
  tenantId: string;
  statement: Statement;
  values: unknown[];
  rows: Row[];
}

/** Of a transaction: what a tenant's session and the system's have in common. */
export type ModelTx = Omit<TenantTx, 'tenantId'> & { tenantId: TenantId };

/** The audit log is not modelled: no delivery reads it. */
const NO_ENTITIES = { insert: async () => undefined } as unknown as EntityManager;

/**
 * PostgreSQL as far as delivery knows it: the statements of src, by their names, on tables in memory. A transaction is
 * one moment, so what this model cannot show is what two transactions do to each other while both are open.
 */
export class ModelDatabase {
  readonly tables = new Tables();

  constructor(
    private readonly onExecuted: (executed: Executed) => void,
    private readonly statements: Statements = STATEMENTS,
  ) {}

  /** At this moment; everything that `work` asks is answered before anything else happens. */
  transact<T>(now: Moment, tenantId: string, work: (tx: ModelTx) => Promise<T>): Promise<T> {
    const query = async <Result extends QueryResultRow>(statement: Statement, values: unknown[]) => {
      const modelled = this.statements[statement.name];
      if (modelled === undefined) throw new Error(`the model does not know the statement ${statement.name}`);
      this.tables.now = micro(now);
      const rows = modelled(this.tables, values, tenantId);
      this.onExecuted({ now: micro(now), tenantId, statement, values, rows });
      return rows as Result[];
    };
    const last = (statement: Statement, values: unknown[]): void => void query(statement, values);
    return work({ tenantId: tenantId as TenantId, manager: NO_ENTITIES, query, last });
  }
}
