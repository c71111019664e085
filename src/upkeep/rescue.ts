import { type Duty } from './duty';

/** A node that has not been heard of for this long is lost. Three missed heartbeats (upkeep/heartbeat.ts). */
export const LOST_AFTER_SECONDS = 15;

/**
 * Work of lost nodes becomes due at once instead of at the end of its lease. The fence grows, so that a node that
 * was only slow cannot record what it did meanwhile.
 */
const RESCUE = {
  name: 'rescue_leases',
  text: `
    UPDATE ready_attempts SET leased_by = NULL, fence = fence + 1, due_at = now()
    WHERE leased_by IS NOT NULL AND leased_by NOT IN (
      SELECT id FROM nodes WHERE heartbeat_at > now() - make_interval(secs => $1)
    )`,
};

const FORGET_NODES = {
  name: 'forget_lost_nodes',
  text: `DELETE FROM nodes WHERE heartbeat_at < now() - interval '1 day'`,
};

export const rescue: Duty = {
  name: 'rescue',
  everySeconds: 5,
  async run(tx) {
    await tx.query(RESCUE, [LOST_AFTER_SECONDS]);
    await tx.query(FORGET_NODES, []);
  },
};
