import { wantsBlocks } from './record';
import { type ReadyRow, type Tables } from './tables';
import { array, type Modelled, type Row } from './values';

/** The first delivery of a key may go, unless one that was accepted before it is held for an administrator. */
export function releaseFirst(tables: Tables, laneId: string, orderingKey: string): ReadyRow | undefined {
  let first: ReadyRow | undefined;
  for (const row of tables.ready.values()) {
    if (row.laneId !== laneId || row.orderingKey !== orderingKey) continue;
    if (first === undefined || (row.orderingSeq ?? 0) < (first.orderingSeq ?? 0)) first = row;
  }
  if (first === undefined || first.dueAt !== Infinity || first.leasedBy !== null) return undefined;
  const seq = first.orderingSeq ?? 0;
  for (const block of tables.blocks.values()) {
    const isSame = block.laneId === laneId && block.orderingKey === orderingKey;
    if (isSame && block.orderingSeq < seq) return undefined;
  }
  first.dueAt = Math.max(tables.job(first.jobId).deliverAt ?? 0, tables.now);
  return first;
}

const releaseKeys: Modelled = (tables, [lanes, keys]) => {
  const pairs = new Map(
    array(lanes).map((laneId, at) => {
      const key = array(keys)[at] as string;
      return [`${laneId as string}/${key}`, { laneId: laneId as string, key }];
    }),
  );
  return [...pairs.values()].flatMap(({ laneId, key }) => {
    const row = releaseFirst(tables, laneId, key);
    return row === undefined ? [] : [{ tenantId: row.tenantId, laneId, rank: row.rank }];
  });
};

const liftBlocks: Modelled = (tables) => {
  const lifted: Row[] = [];
  for (const block of tables.blocks.values()) {
    const destination = tables.destinations.get(block.laneId);
    const wanted =
      destination !== undefined && destination.deletedAt === null && wantsBlocks(destination.configuration);
    const isDead = tables.letters.some(
      ({ deliveryId, status }) => deliveryId === block.deliveryId && status === 'dead',
    );
    if (wanted && (isDead || tables.ready.has(block.deliveryId))) continue;
    tables.blocks.delete(block.deliveryId);
    lifted.push({ delivery_id: block.deliveryId });
  }
  return lifted;
};

const releaseLeft: Modelled = (tables) => {
  for (const { laneId, orderingKey } of [...tables.ready.values()])
    if (orderingKey !== null) releaseFirst(tables, laneId, orderingKey);
  return [];
};

const keysOfJobs: Modelled = (tables, [ids]) =>
  [...new Set(array(ids))].flatMap((id) => {
    const key = tables.jobs.get(id as string)?.options['ordering_key'];
    return key === undefined ? [] : [{ key }];
  });

export const ORDERING: Record<string, Modelled> = {
  // One transaction after the other: there is nobody to wait for.
  hold_ordering_keys: () => [],
  release_ordering_keys: releaseKeys,
  ordering_keys_of_jobs: keysOfJobs,
  lift_ordering_blocks: liftBlocks,
  release_left_keys: releaseLeft,
};
