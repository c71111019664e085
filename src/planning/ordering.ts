import { createHash } from 'node:crypto';
import { type TenantTx } from '../database/tenant-transaction';
import { type JsonObject } from '../kernel/json';
import { type DueLane } from '../kernel/priority';

/**
 * Deliveries with one ordering key to one lane go out one after the other, in the order of acceptance. All of them but
 * the first wait with `due_at = 'infinity'`, where no claim reads them. Whoever stores, settles or replays such
 * deliveries takes `holdKeys` as the first statement of the transaction and calls `releaseKeys` at its end; the duty
 * `ordering` is the guarantee beside it.
 */
export interface OrderedLane {
  laneId: string;
  key: string;
}

/** As it was submitted; undefined: in any order. */
export function orderingKeyOf({ ordering_key: key }: JsonObject): string | undefined {
  return typeof key === 'string' ? key : undefined;
}

/** As `md5(…)::uuid` of PostgreSQL. */
const stored = (key: string): string =>
  createHash('md5')
    .update(key)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** Locks are of handfuls of keys, so that a large batch of many keys does not exhaust the lock table. */
const HANDFULS = 64;

const HOLD_KEYS = {
  name: 'hold_ordering_keys',
  text: `SELECT pg_advisory_xact_lock(hashtext('ordering:' || $1), handful) FROM unnest($2::int[]) AS k (handful)`,
};

/**
 * Lasts as long as the transaction. A statement of its own: the next one sees what the holder before committed. In one
 * order, so that two never wait for each other in a circle; for the same reason before any other lock.
 */
export async function holdKeys(tx: TenantTx, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const handfuls = new Set(keys.map((key) => Number.parseInt(stored(key).slice(0, 2), 16) % HANDFULS));
  await tx.query(HOLD_KEYS, [tx.tenantId, [...handfuls].sort((one, other) => one - other)]);
}

/** Over `h`, the first delivery of a key: nothing that was accepted before it is held for an administrator. */
export const IS_FREE = `
  NOT EXISTS (
    SELECT FROM ordering_blocks b
    WHERE b.lane_id = h.lane_id AND b.ordering_key = h.ordering_key AND b.ordering_seq < h.ordering_seq
  )`;

const RELEASE_KEYS = {
  name: 'release_ordering_keys',
  text: `
    UPDATE ready_attempts r SET due_at = GREATEST(j.deliver_at, now())
    FROM (SELECT DISTINCT lane_id, ordering_key FROM unnest($1::uuid[], $2::uuid[]) AS k (lane_id, ordering_key)) k
    CROSS JOIN LATERAL (
      SELECT delivery_id, distribution_job_id, lane_id, ordering_key, ordering_seq, due_at FROM ready_attempts
      WHERE lane_id = k.lane_id AND ordering_key = k.ordering_key
      ORDER BY ordering_seq
      LIMIT 1
    ) h
    JOIN distribution_jobs j ON j.id = h.distribution_job_id
    WHERE r.delivery_id = h.delivery_id AND h.due_at = 'infinity' AND r.due_at = 'infinity' AND r.leased_by IS NULL
      AND ${IS_FREE}
    RETURNING r.tenant_id AS "tenantId", r.lane_id AS "laneId", r.rank`,
};

/** The first one of each key may go, unless it does so already. Returns where something is due now. */
export async function releaseKeys(tx: TenantTx, ordered: readonly OrderedLane[]): Promise<DueLane[]> {
  if (ordered.length === 0) return [];
  const lanes = ordered.map(({ laneId }) => laneId);
  const keys = ordered.map(({ key }) => stored(key));
  return tx.query<DueLane>(RELEASE_KEYS, [lanes, keys]);
}

const KEYS_OF_JOBS = {
  name: 'ordering_keys_of_jobs',
  text: `
    SELECT options ->> 'ordering_key' AS key FROM distribution_jobs
    WHERE id = ANY ($1::uuid[]) AND options ? 'ordering_key'`,
};

/** Of stored jobs, whose key never changes: read before they are locked. */
export async function holdKeysOf(tx: TenantTx, jobIds: readonly string[]): Promise<void> {
  const rows = await tx.query<{ key: string }>(KEYS_OF_JOBS, [jobIds]);
  await holdKeys(
    tx,
    rows.map(({ key }) => key),
  );
}
