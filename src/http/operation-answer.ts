import { z } from 'zod';
import { conflict } from '../kernel/errors';
import { type BulkOperations, MOST_COUNTED, MOST_RUNNING } from '../replay/operations';
import { type Order } from '../replay/order';
import { type TenantCaller } from '../tenants/scopes';
import { operationView } from './replay-views';
import { type ApiReply } from './request';

/** Deliveries a second that a bulk operation puts into the queue, where nobody says. */
const DEFAULT_RATE = 100;

export const dryRun = { dry_run: z.boolean().default(false) };
export const pace = {
  ...dryRun,
  rate_per_second: z.number().int().min(1).max(10_000).default(DEFAULT_RATE),
};

interface Wanted {
  order: Order;
  dry_run: boolean;
  rate_per_second?: number;
  reason?: string | undefined;
}

/** 202 with the operation, which may be over already; 200 with a count where only that was asked for. */
export async function operationAnswer(
  operations: BulkOperations,
  caller: TenantCaller,
  reply: ApiReply,
  { order, dry_run, rate_per_second = DEFAULT_RATE, reason }: Wanted,
): Promise<object> {
  if (dry_run) {
    const matched = await operations.count(caller.tenantId, order);
    void reply.code(200);
    return { dry_run: true, matched, capped: matched === MOST_COUNTED };
  }
  const begun = await operations.begin(caller, { order, reason, ratePerSecond: rate_per_second });
  if (begun !== undefined) return operationView(begun);
  throw conflict(
    'bulk_operations',
    `${MOST_RUNNING} bulk operations of this tenant run already; wait for one or cancel it (GET /api/v1/bulk-operations)`,
  );
}
