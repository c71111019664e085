import { type TenantTx } from '../database/tenant-transaction';
import { cancelWaiting } from '../delivery/cancel';
import { type JobId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type DueLane } from '../kernel/priority';
import { holdKeysOf } from '../planning/ordering';
import {
  BUSY_JOBS,
  COUNT_JOBS,
  COUNT_TABLES,
  ERASE_JOBS,
  ERASE_TABLES,
  HOLD_CALLBACKS,
  LOCK_ERASED_JOBS,
  type TableCounts,
} from './erasures.sql';

export interface ErasedJobs {
  /** Left for now: a delivery or a callback of it is being sent at this moment. */
  busy: Set<JobId>;
  counts: TableCounts;
  /** Where deliveries that waited behind erased ones may go now. */
  due: DueLane[];
}

const NOTHING_OPEN = { settled: 0, due: [] };

type LockedJob = { id: JobId; options: JsonObject; open_deliveries: number };

/**
 * Erases jobs with everything that belongs to them. What waits is cancelled first, as a cancellation does it, so that
 * batches and ordering keys come out right; what is being sent ends first, without another attempt.
 */
export async function eraseJobs(tx: TenantTx, ids: readonly JobId[], actor: string): Promise<ErasedJobs> {
  if (ids.length === 0) return { busy: new Set(), counts: {}, due: [] };
  await holdKeysOf(tx, ids);
  const jobs = await tx.query<LockedJob>(LOCK_ERASED_JOBS, [ids]);
  const open = jobs.filter(({ open_deliveries }) => open_deliveries > 0);
  const { settled, due } = open.length === 0 ? NOTHING_OPEN : await cancelWaiting(tx, open, actor);
  const held = await tx.query<{ id: string }>(HOLD_CALLBACKS, [ids]);
  const rows = await tx.query<{ id: JobId }>(BUSY_JOBS, [ids, held.map(({ id }) => id)]);
  const busy = new Set(rows.map(({ id }) => id));
  const [counts = {}] = await tx.query<TableCounts>(ERASE_JOBS, [ids.filter((id) => !busy.has(id))]);
  return { busy, counts: { ...counts, ready_attempts: settled }, due };
}

/** What an erasure of these jobs would remove, by table. */
export async function countJobs(tx: TenantTx, ids: readonly JobId[]): Promise<TableCounts> {
  const [counts = {}] = ids.length === 0 ? [] : await tx.query<TableCounts>(COUNT_JOBS, [ids]);
  return counts;
}

/** A portion of what a tenant has beside its jobs; nothing where nothing is left. */
export async function eraseOtherRows(tx: TenantTx): Promise<TableCounts> {
  for (const { table, statement } of ERASE_TABLES) {
    const [erased] = await tx.query<{ rows: number }>(statement, [tx.tenantId]);
    if (erased !== undefined && erased.rows > 0) return { [table]: erased.rows };
  }
  return {};
}

export async function countOtherRows(tx: TenantTx): Promise<TableCounts> {
  const counts: TableCounts = {};
  for (const { table, statement } of COUNT_TABLES) {
    const [counted] = await tx.query<{ rows: number }>(statement, [tx.tenantId]);
    counts[table] = counted?.rows ?? 0;
  }
  return counts;
}
