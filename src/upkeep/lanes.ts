import { type Duty } from './duty';

/**
 * Care of lanes that nobody has sent to for an hour: at rest, or of a destination that is gone. Who needs a lane in care
 * again makes its row again.
 */
const PRUNE = {
  name: 'prune_lanes',
  text: `
    DELETE FROM lanes c
    WHERE GREATEST(c.owned_until, c.paused_until, c.probe_at, c.opened_at) < now() - interval '1 hour'
      AND (c.breaker = 'closed' OR NOT EXISTS (
        SELECT FROM destinations d WHERE d.id = c.lane_id AND d.deleted_at IS NULL))
      AND NOT EXISTS (SELECT FROM ready_attempts r WHERE r.lane_id = c.lane_id)`,
};

export const lanes: Duty = {
  name: 'lanes',
  everySeconds: 300,
  async run(tx) {
    await tx.query(PRUNE, []);
  },
};
