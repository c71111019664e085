import { type Condition, whereOf } from '../database/conditions';
import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { type BulkOperationId, newId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { about, audit } from '../tenants/audit';
import { type TenantCaller } from '../tenants/scopes';
import { jobConditions } from '../tracking/list';
import { letterConditions } from './dead-letters';
import {
  CANCEL_OPERATION,
  COUNT_RUNNING,
  INSERT_OPERATION,
  LATEST_OPERATIONS,
  LOCK_TENANT_OPERATIONS,
  OPERATION_BY_ID,
  RECORD_STEP,
  TAKE_OPERATION,
} from './operations.sql';
import { type LetterSelection, type OperationRow, type Order } from './order';
import { type Step, stepOf } from './steps';

export interface OperationInput {
  order: Order;
  reason: string | undefined;
  ratePerSecond: number;
}

/** Of a tenant at the same time. */
export const MOST_RUNNING = 5;
/** How far ahead of time deliveries are put into the queue: bounds what a fast filter can pile up there. */
const AHEAD_SECONDS = 5;
/** Dry runs count no further. */
export const MOST_COUNTED = 100_000;

/** Replays, redrives and discards of many: each a row that remembers how far it is, worked on in short steps. */
export class BulkOperations {
  constructor(
    private readonly tenants: TenantTransaction,
    private readonly wake: () => void,
  ) {}

  /** Begins at once; what one step cannot do is continued by the duty `bulk operations`. Undefined: too many run. */
  async begin(caller: TenantCaller, input: OperationInput): Promise<OperationRow | undefined> {
    const { tenantId } = caller;
    const id = await this.tenants.run(tenantId, (tx) => insert(tx, caller, input));
    if (id === undefined) return undefined;
    await this.step(tenantId, id);
    return this.find(tenantId, id);
  }

  /** How many jobs or dead letters it would look at, counted no further than MOST_COUNTED. */
  count(tenantId: TenantId, order: Order): Promise<number> {
    const [from, conditions] =
      order.kind === 'replay'
        ? ['distribution_jobs j', jobConditions(order.selection.filter)]
        : ['dead_letters l', deadConditions(order.selection)];
    const { where, values } = whereOf(conditions, 2);
    return this.tenants.run(tenantId, async ({ manager }) => {
      const [row] = await manager.query<{ count: number }[]>(
        `SELECT count(*)::int AS count FROM (SELECT FROM ${from} WHERE ${where} LIMIT $1) found`,
        [MOST_COUNTED, ...values],
      );
      return row?.count ?? 0;
    });
  }

  /**
   * One short transaction: what is due of the operation and how far it came are committed together, so that
   * whoever goes on after a crash does nothing twice.
   */
  async step(tenantId: TenantId, id: BulkOperationId): Promise<'more' | 'later' | 'over'> {
    const became = await this.tenants.run(tenantId, async (tx) => {
      type Taken = OperationRow & { start_at: Date; ahead: boolean };
      const [operation] = await tx.query<Taken>(TAKE_OPERATION, [id, AHEAD_SECONDS]);
      if (operation === undefined) return 'over';
      if (operation.ahead && operation.kind !== 'discard') return 'later';
      const step = await stepOf(tx, operation, operation.start_at);
      await recordStep(tx, id, step);
      return step.isLast ? 'over' : 'more';
    });
    if (became !== 'later') this.wake();
    return became;
  }

  async find(tenantId: TenantId, id: BulkOperationId): Promise<OperationRow | undefined> {
    const [row] = await this.tenants.run(tenantId, (tx) => tx.query<OperationRow>(OPERATION_BY_ID, [id]));
    return row;
  }

  latest(tenantId: TenantId): Promise<OperationRow[]> {
    return this.tenants.run(tenantId, (tx) => tx.query<OperationRow>(LATEST_OPERATIONS, []));
  }

  /** What it has put into the queue stays there. Undefined where it does not run. */
  cancel(caller: TenantCaller, id: BulkOperationId): Promise<OperationRow | undefined> {
    return this.tenants.run(caller.tenantId, async (tx) => {
      const [row] = await tx.query<OperationRow>(CANCEL_OPERATION, [id]);
      if (row !== undefined) {
        const { kind, examined, done } = row;
        await audit(tx.manager, {
          ...about(caller, 'bulk_operation', id),
          action: 'cancel',
          details: { kind, examined, done },
        });
      }
      return row;
    });
  }
}

const deadConditions = (selection: LetterSelection): Condition[] => [
  ['dead', 'l.status = ?'],
  ...('ids' in selection
    ? [[selection.ids, 'l.id = ANY (?::uuid[])'] satisfies Condition]
    : letterConditions(selection.filter)),
];

async function insert(
  tx: TenantTx,
  caller: TenantCaller,
  { order, reason, ratePerSecond }: OperationInput,
): Promise<BulkOperationId | undefined> {
  await tx.query(LOCK_TENANT_OPERATIONS, [tx.tenantId]);
  const [count] = await tx.query<{ running: number }>(COUNT_RUNNING, []);
  if ((count?.running ?? 0) >= MOST_RUNNING) return undefined;
  const id = newId<BulkOperationId>();
  const selection = JSON.stringify(order.selection);
  await tx.query(INSERT_OPERATION, [
    id,
    tx.tenantId,
    order.kind,
    selection,
    reason ?? null,
    ratePerSecond,
    caller.actor,
  ]);
  const details = {
    selection: JSON.parse(selection) as JsonObject,
    reason: reason ?? null,
    rate_per_second: ratePerSecond,
  };
  await audit(tx.manager, { ...about(caller, 'bulk_operation', id), action: order.kind, details });
  return id;
}

const recordStep = (tx: TenantTx, id: BulkOperationId, step: Step): Promise<object[]> =>
  tx.query(RECORD_STEP, [
    id,
    step.position ?? null,
    step.nextDueAt,
    step.examined,
    step.done,
    step.skipped,
    step.isLast,
  ]);
