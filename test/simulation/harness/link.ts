import { type QueryResultRow } from 'pg';
import { type Statement } from '../../../src/database/statement';
import { type TenantStatements, type TenantTx } from '../../../src/database/tenant-transaction';
import { type TenantId } from '../../../src/kernel/ids';
import { type ModelTx } from '../model/database';
import { type SimulatedProcess } from './process';
import { type World } from './world';

const LOST = 'Connection terminated unexpectedly';

export const isLostConnection = (error: unknown): boolean => error instanceof Error && error.message === LOST;

/** The way of a process to the database, where statements and answers take their time and get lost. */
export class Link {
  constructor(
    private readonly process: SimulatedProcess,
    private readonly world: World,
  ) {}

  query<Row extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]> {
    return this.ask('', (tx) => tx.query<Row>(statement, values));
  }

  each(tenantId: TenantId): TenantStatements {
    return {
      tenantId,
      query: (statement, values) => this.ask(tenantId, (tx) => tx.query(statement, values)),
    };
  }

  /** Of several statements: the process has to be there to send them. */
  run<T>(tenantId: TenantId, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.process.happen(0, () => void this.ask(tenantId, work).then(resolve, reject));
    });
  }

  private ask<T>(tenantId: string, work: (tx: ModelTx) => Promise<T>): Promise<T> {
    const { world, process } = this;
    const fate = world.fateOfStatement();
    return new Promise<T>((resolve, reject) => {
      const lost = (): void => process.happen(fate.back, () => reject(new Error(LOST)));
      world.timeline.at(world.timeline.now + fate.there, () => {
        if (fate.isUnsent || world.isDatabaseDown) return lost();
        void world
          .transact(tenantId, work)
          .then(
            (answer) => (fate.isUnanswered ? lost() : process.happen(fate.back, () => resolve(answer))),
            reject,
          );
      });
    });
  }
}
