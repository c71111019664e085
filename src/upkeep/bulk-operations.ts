import { type BulkOperationId } from '../kernel/ids';
import { type BulkOperations } from '../replay/operations';
import { type Duty } from './duty';
import { stepwise } from './stepwise';

const RUNNING = {
  name: 'running_operations',
  text: `SELECT id, tenant_id FROM bulk_operations WHERE status = 'running' ORDER BY id LIMIT 1000`,
};

export const bulkOperations = (
  operations: BulkOperations,
  onFault: (error: unknown, operation: BulkOperationId) => void,
): Duty => stepwise('bulk operations', RUNNING, operations, onFault);
