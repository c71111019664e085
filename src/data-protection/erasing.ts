import { type TenantTx } from '../database/tenant-transaction';
import { cancelWaiting } from '../delivery/cancel';
import { type BatchId, type JobId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type DueLane } from '../kernel/priority';
import { holdKeysOf } from '../planning/ordering';
import {
  BUSY_JOBS,
  COUNT_JOBS,
  ERASE_BATCHES,
  ERASE_JOBS,
  HOLD_CALLBACKS,
  LOCK_ERASED_JOBS,
  type OtherRows,
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

type LockedJob = { id: JobId; options: JsonObject; open_deliveries: number; batch_id: BatchId | null };

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
  const batches = await eraseBatches(
    tx,
    jobs.filter(({ id }) => !busy.has(id)),
  );
  const callbacks = (counts['distribution_callbacks'] ?? 0) + (batches['distribution_callbacks'] ?? 0);
  return {
    busy,
    counts: { ...counts, ...batches, distribution_callbacks: callbacks, ready_attempts: settled },
    due,
  };
}

/** A batch goes with the last of its jobs, its callback with it. */
async function eraseBatches(tx: TenantTx, jobs: readonly LockedJob[]): Promise<TableCounts> {
  const ids = new Set(jobs.flatMap(({ batch_id }) => batch_id ?? []));
  const [counts = {}] = ids.size === 0 ? [] : await tx.query<TableCounts>(ERASE_BATCHES, [[...ids]]);
  return counts;
}

/** What an erasure of these jobs would remove, by table. */
export async function countJobs(tx: TenantTx, ids: readonly JobId[]): Promise<TableCounts> {
  const [counts = {}] = ids.length === 0 ? [] : await tx.query<TableCounts>(COUNT_JOBS, [ids]);
  return counts;
}

/** A portion of them; nothing where nothing is left. */
export async function eraseOtherRows(tx: TenantTx, { erase }: OtherRows): Promise<TableCounts> {
  for (const { table, statement } of erase) {
    const [erased] = await tx.query<{ rows: number }>(statement, [tx.tenantId]);
    if (erased !== undefined && erased.rows > 0) return { [table]: erased.rows };
  }
  return {};
}

export async function countOtherRows(tx: TenantTx, { count }: OtherRows): Promise<TableCounts> {
  const counts: TableCounts = {};
  for (const { table, statement } of count) {
    const [counted] = await tx.query<{ rows: number }>(statement, [tx.tenantId]);
    counts[table] = counted?.rows ?? 0;
  }
  return counts;
}
