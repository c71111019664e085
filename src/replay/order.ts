import { type BulkOperationId } from '../kernel/ids';
import { type JobFilter } from '../tracking/list';
import { type DeadLetterFilter } from './dead-letters';

/** By ids, or by a filter: whatever it finds up to the moment at which the operation was asked for. */
export type LetterSelection = { ids: readonly string[] } | { filter: DeadLetterFilter };

export type Order =
  | { kind: 'replay'; selection: { filter: JobFilter; only_failed: boolean } }
  | { kind: 'redrive' | 'discard'; selection: LetterSelection };

export type OperationRow = Order & {
  id: BulkOperationId;
  status: 'running' | 'completed' | 'cancelled';
  reason: string | null;
  rate_per_second: number;
  /** The last job or dead letter that was dealt with. */
  position: string | null;
  /** When the next delivery is due, by the rate. */
  next_due_at: Date;
  examined: number;
  done: number;
  skipped: number;
  created_by: string;
  created_at: Date;
  completed_at: Date | null;
};
