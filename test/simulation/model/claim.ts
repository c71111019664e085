import { SLACK_SECONDS } from '../../../src/kernel/priority';
import { type DestinationRow, type ReadyRow, type Tables } from './tables';
import { array, date, type Modelled, type Row } from './values';

export const isDrained = (destination: DestinationRow | undefined): boolean =>
  destination !== undefined && (destination.deletedAt !== null || destination.status === 'inactive');

export const isHeld = (tables: Tables, tenantId: string, destination: DestinationRow | undefined): boolean =>
  tables.tenants.get(tenantId)?.status !== 'active' ||
  (destination?.status === 'maintenance' && destination.deletedAt === null);

export const isLimited = (destination: DestinationRow | undefined): boolean =>
  destination !== undefined &&
  ('max_in_flight' in destination.configuration || 'rate_limit' in destination.configuration);

const claimDue: Modelled = (tables, [node, tenants, lanes, quotas, leaseSeconds]) =>
  array(lanes).flatMap((lane, index) => {
    const laneId = lane as string;
    const tenantId = array(tenants)[index] as string;
    if (!mayClaim(tables, tenantId, laneId, node as string)) return [];
    return mostUrgent(tables, laneId, array(quotas)[index] as number).map((row) => {
      row.leasedBy = node as string;
      row.fence++;
      row.dueAt = tables.after(leaseSeconds as number);
      return claimed(tables, row);
    });
  });

function mayClaim(tables: Tables, tenantId: string, laneId: string, node: string): boolean {
  const destination = tables.destinations.get(laneId);
  if (isHeld(tables, tenantId, destination)) return false;
  const care = tables.lanes.get(laneId);
  if (isDrained(destination) || (care === undefined && !isLimited(destination))) return true;
  return care?.ownedBy === node && (care.ownedUntil ?? 0) > tables.now;
}

function mostUrgent(tables: Tables, laneId: string, quota: number): ReadyRow[] {
  const ranks = new Map<number, ReadyRow[]>();
  for (const row of tables.ready.values()) {
    if (row.laneId !== laneId || row.dueAt > tables.now) continue;
    const rows = ranks.get(row.rank);
    if (rows === undefined) ranks.set(row.rank, [row]);
    else rows.push(row);
  }
  return [...ranks.entries()]
    .map(([rank, rows]) => {
      rows.sort((one, other) => one.dueAt - other.dueAt);
      return { rows, urgency: (rows[0]?.dueAt ?? 0) + 1000 * (SLACK_SECONDS[rank] ?? 0) };
    })
    .sort((one, other) => one.urgency - other.urgency)
    .flatMap(({ rows }) => rows)
    .slice(0, quota);
}

function claimed(tables: Tables, row: ReadyRow): Row {
  const job = tables.job(row.jobId);
  const destination = job.destinations[row.position];
  const registered = tables.destinations.get(destination?.destination_id ?? '');
  return {
    delivery_id: row.deliveryId,
    tenant_id: row.tenantId,
    distribution_job_id: row.jobId,
    attempt_id: row.attemptId,
    attempt_number: row.attemptNumber,
    round_start: row.roundStart,
    destination_name: row.destinationName,
    lane_id: row.laneId,
    fence: row.fence,
    expired: row.expiresAt !== null && row.expiresAt <= tables.now,
    cancelled: job.cancelRequestedAt !== null,
    distribution_id: job.distributionId,
    data_type: job.dataType,
    payload: job.payload,
    accepted_at: date(0),
    max_retries: job.maxRetries,
    correlation_id: job.correlationId,
    options: job.options,
    destination,
    destination_version: registered?.version ?? null,
    destination_status: registered?.status ?? null,
    destination_deleted: registered !== undefined && registered.deletedAt !== null,
  };
}

const held = (tables: Tables, ids: unknown, node: unknown): ReadyRow[] =>
  array(ids).flatMap((id) => {
    const row = tables.ready.get(id as string);
    return row === undefined || row.leasedBy !== node ? [] : [row];
  });

const extendLeases: Modelled = (tables, [node, seconds, ids]) => {
  for (const row of held(tables, ids, node)) row.dueAt = tables.after(seconds as number);
  return [];
};

export function takeBack(tables: Tables, row: ReadyRow): void {
  row.leasedBy = null;
  row.fence++;
  row.dueAt = tables.now;
}

const releaseLeases: Modelled = (tables, [node, ids]) => {
  for (const row of held(tables, ids, node)) takeBack(tables, row);
  return [];
};

export const CLAIMS: Record<string, Modelled> = {
  claim_due: claimDue,
  extend_leases: extendLeases,
  release_leases: releaseLeases,
};
