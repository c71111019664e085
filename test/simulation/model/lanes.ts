import { type BreakerState } from '../../../src/delivery/breaker';
import { isDrained, isHeld, isLimited } from './claim';
import { type LaneRow, type Moment, type Tables } from './tables';
import { array, date, type Modelled } from './values';

interface Head {
  tenantId: string;
  dueAt: Moment;
  /** The oldest delivery of each rank. */
  ranks: Map<number, Moment>;
}

const discoverLanes: Modelled = (tables, [ahead, node]) => {
  const heads = new Map<string, Head>();
  for (const { laneId, tenantId, rank, dueAt } of tables.ready.values()) {
    const head = heads.get(laneId) ?? { tenantId, dueAt: Infinity, ranks: new Map<number, Moment>() };
    heads.set(laneId, head);
    head.dueAt = Math.min(head.dueAt, dueAt);
    head.ranks.set(rank, Math.min(head.ranks.get(rank) ?? Infinity, dueAt));
  }
  return [...heads]
    .filter(([, { dueAt }]) => dueAt <= tables.after(ahead as number))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([laneId, head]) => {
      const due = [...head.ranks].filter(([, dueAt]) => dueAt <= tables.now).map(([rank]) => rank);
      const rank = Math.min(...(due.length > 0 ? due : head.ranks.keys()));
      return { rank, ...found(tables, laneId, head, node as string) };
    });
};

function found(tables: Tables, laneId: string, { tenantId, dueAt }: Head, node: string) {
  const destination = tables.destinations.get(laneId);
  const care = tables.lanes.get(laneId);
  const until = (at: Moment | null | undefined): number | null =>
    at === null || at === undefined ? null : (at - tables.now) / 1000;
  const isOthers = care !== undefined && care.ownedBy !== null && care.ownedBy !== node;
  return {
    tenant_id: tenantId,
    lane_id: laneId,
    due_in: until(dueAt),
    weight: null,
    held: isHeld(tables, tenantId, destination),
    drained: isDrained(destination),
    max_in_flight: destination?.configuration['max_in_flight'] ?? null,
    rate_limit: destination?.configuration['rate_limit'] ?? null,
    in_care: care !== undefined,
    taken_for: isOthers ? until(care.ownedUntil) : null,
    breaker: care?.breaker ?? null,
    consecutive_failures: care?.failures ?? null,
    probe_in: until(care?.probeAt),
    paused_for: until(care?.pausedUntil),
    reset_at: care === undefined || care.resetAt === null ? null : date(care.resetAt),
  };
}

const atRest = (tenantId: string, laneId: string, destinationName: string): LaneRow => ({
  tenantId,
  laneId,
  destinationName,
  ownedBy: null,
  ownedUntil: null,
  breaker: 'closed',
  failures: 0,
  openedAt: null,
  probeAt: null,
  pausedUntil: null,
  resetAt: null,
});

const ownLanes: Modelled = (tables, [node, tenants, lanes, seconds]) =>
  array(lanes).flatMap((lane, index) => {
    const laneId = lane as string;
    const tenantId = array(tenants)[index] as string;
    const name = tables.destinations.get(laneId)?.name ?? '';
    const care = tables.lanes.get(laneId) ?? atRest(tenantId, laneId, name);
    const isFree = care.ownedUntil === null || care.ownedUntil <= tables.now;
    if (care.ownedBy !== node && !isFree) return [];
    tables.lanes.set(laneId, care);
    care.ownedBy = node as string;
    care.ownedUntil = tables.after(seconds as number);
    const elsewhere = [...tables.ready.values()].filter(
      (row) =>
        row.laneId === laneId &&
        row.dueAt > tables.now &&
        row.dueAt < Infinity &&
        row.leasedBy !== null &&
        row.leasedBy !== node,
    );
    return [{ lane_id: laneId, elsewhere: elsewhere.length }];
  });

const disownLanes: Modelled = (tables, [node]) => {
  for (const care of tables.lanes.values()) {
    if (care.ownedBy === node && (care.ownedUntil ?? 0) > tables.now) care.ownedUntil = tables.now;
  }
  return [];
};

const saveBreaker: Modelled = (tables, [node, tenantId, laneId, name, state, failures, probeSeconds]) => {
  const known = tables.lanes.get(laneId as string);
  if (known !== undefined && known.ownedBy !== node && known.breaker !== 'closed') return [];
  const care = known ?? atRest(tenantId as string, laneId as string, name as string);
  tables.lanes.set(care.laneId, care);
  care.breaker = state as BreakerState;
  care.failures = failures as number;
  care.probeAt = probeSeconds === null ? null : tables.after(probeSeconds as number);
  if (state === 'open') care.openedAt = tables.now;
  if (state === 'closed') care.openedAt = null;
  return [];
};

const pauseLane: Modelled = (tables, [tenantId, laneId, name, seconds]) => {
  const care =
    tables.lanes.get(laneId as string) ?? atRest(tenantId as string, laneId as string, name as string);
  tables.lanes.set(care.laneId, care);
  care.pausedUntil = Math.max(care.pausedUntil ?? 0, tables.after(seconds as number));
  return [];
};

const releaseLanes: Modelled = (tables, [node, lanes]) =>
  array(lanes).flatMap((laneId) => {
    const care = tables.lanes.get(laneId as string);
    if (care === undefined || care.ownedBy !== node || care.breaker !== 'closed') return [];
    if (care.pausedUntil !== null && care.pausedUntil > tables.now) return [];
    const destination = tables.destinations.get(care.laneId);
    if (isLimited(destination) && destination?.deletedAt === null) return [];
    tables.lanes.delete(care.laneId);
    return [{ lane_id: laneId }];
  });

const resetBreaker: Modelled = (tables, [laneId]) => {
  const care = tables.lanes.get(laneId as string);
  if (care === undefined) return [];
  Object.assign(care, { breaker: 'closed', failures: 0, openedAt: null, probeAt: null, pausedUntil: null });
  care.resetAt = tables.now;
  return [];
};

export const LANES: Record<string, Modelled> = {
  discover_lanes: discoverLanes,
  own_lanes: ownLanes,
  disown_lanes: disownLanes,
  save_breaker: saveBreaker,
  pause_lane: pauseLane,
  release_lanes: releaseLanes,
  reset_breaker: resetBreaker,
};
