import { type NodeId } from '../kernel/ids';
import { type Duty } from './duty';

/** A node that has not been heard of for this long is lost. Three missed heartbeats (upkeep/heartbeat.ts). */
export const LOST_AFTER_SECONDS = 15;

const LOST_NODES = {
  name: 'lost_nodes',
  text: `DELETE FROM nodes WHERE heartbeat_at < now() - make_interval(secs => $1) RETURNING id`,
};

/**
 * Work of lost nodes becomes due at once instead of at the end of its lease. The fence grows, so that a node that
 * was only slow cannot record what it did meanwhile. No index leads here: nodes are lost seldom, and an index would
 * be written at every claim.
 */
const RESCUE = {
  name: 'rescue_leases',
  text: `
    UPDATE ready_attempts SET leased_by = NULL, fence = fence + 1, due_at = now()
    WHERE leased_by = ANY ($1::uuid[])`,
};

export const rescue: Duty = {
  name: 'rescue',
  everySeconds: 5,
  async run(tx) {
    const lost = await tx.query<{ id: NodeId }>(LOST_NODES, [LOST_AFTER_SECONDS]);
    if (lost.length > 0) await tx.query(RESCUE, [lost.map(({ id }) => id)]);
  },
};
