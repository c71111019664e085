import { type BulkOperationId, type TenantId } from '../kernel/ids';
import { type BulkOperations } from '../replay/operations';
import { type Duty } from './duty';

const RUNNING = {
  name: 'running_operations',
  text: `SELECT id, tenant_id FROM bulk_operations WHERE status = 'running' ORDER BY id LIMIT 1000`,
};

type Running = { id: BulkOperationId; tenant_id: TenantId };

/** A run ends after this time, whatever is left: the next one goes on. */
const MOST_MS = 700;

/**
 * Goes on with bulk operations, a step of each in turn, so that a large one does not hold up the others; also with
 * those whose process was lost. A fault of one leaves the others alone.
 */
export const bulkOperations = (
  operations: BulkOperations,
  onFault: (error: unknown, operation: BulkOperationId) => void,
): Duty => ({
  name: 'bulk operations',
  everySeconds: 1,
  async run(tx) {
    const deadline = performance.now() + MOST_MS;
    let running = await tx.query<Running>(RUNNING, []);
    while (running.length > 0 && performance.now() < deadline) {
      const more: Running[] = [];
      for (const operation of running) {
        const { tenant_id, id } = operation;
        const became = await operations.step(tenant_id, id).catch((error: unknown) => {
          onFault(error, id);
          return 'later' as const;
        });
        if (became === 'more') more.push(operation);
        if (performance.now() >= deadline) return;
      }
      running = more;
    }
  },
});
