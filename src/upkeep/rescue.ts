import { type NodeId } from '../kernel/ids';
import { type Duty } from './duty';
import { GAP_SECONDS } from './heartbeat';

/**
 * Lost is who was silent while somebody else was heard all the time. When nobody was, the database was away, or the whole
 * machine stood still: then each of them holds what it held.
 *
 * $1 seconds of a gap
 */
const LOST_NODES = {
  name: 'lost_nodes',
  text: `
    DELETE FROM nodes n
    WHERE n.heartbeat_at < now() - make_interval(secs => n.lost_after_seconds)
      AND EXISTS (
        SELECT FROM nodes witness
        WHERE witness.heard_since <= now() - make_interval(secs => n.lost_after_seconds)
          AND witness.heartbeat_at >= now() - make_interval(secs => $1)
      )
    RETURNING n.id`,
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

const RESCUE_CALLBACKS = {
  name: 'rescue_callbacks',
  text: `
    UPDATE distribution_callbacks SET leased_by = NULL, fence = fence + 1, due_at = now()
    WHERE status = 'pending' AND leased_by = ANY ($1::uuid[])`,
};

export const rescue: Duty = {
  name: 'rescue',
  everySeconds: 1,
  async run(tx) {
    const lost = await tx.query<{ id: NodeId }>(LOST_NODES, [GAP_SECONDS]);
    if (lost.length === 0) return;
    const ids = lost.map(({ id }) => id);
    await tx.query(RESCUE, [ids]);
    await tx.query(RESCUE_CALLBACKS, [ids]);
  },
};
