import { IS_FREE } from '../planning/ordering';
import { type Duty } from './duty';

/**
 * A block lasts as long as its delivery is a dead letter or is being delivered again, and its destination wants blocks:
 * redriven with success, discarded, cancelled or pruned, it is over.
 */
const LIFT_BLOCKS = {
  name: 'lift_ordering_blocks',
  text: `
    DELETE FROM ordering_blocks b
    WHERE NOT EXISTS (
        SELECT FROM destinations d
        WHERE d.id = b.lane_id AND d.deleted_at IS NULL AND d.configuration #>> '{ordering,on_failure}' = 'block'
      )
      OR (NOT EXISTS (SELECT FROM dead_letters l WHERE l.delivery_id = b.delivery_id AND l.status = 'dead')
        AND NOT EXISTS (SELECT FROM ready_attempts r WHERE r.delivery_id = b.delivery_id))
    RETURNING b.delivery_id`,
};

/** One step of an index for each key that has deliveries, however many there are. */
const RELEASE_LEFT = {
  name: 'release_left_keys',
  text: `
    WITH RECURSIVE head AS (
      (SELECT lane_id, ordering_key, ordering_seq, due_at, delivery_id, distribution_job_id FROM ready_attempts
       WHERE ordering_key IS NOT NULL ORDER BY lane_id, ordering_key, ordering_seq LIMIT 1)
      UNION ALL
      SELECT next.*
      FROM head h
      CROSS JOIN LATERAL (
        SELECT lane_id, ordering_key, ordering_seq, due_at, delivery_id, distribution_job_id FROM ready_attempts
        WHERE ordering_key IS NOT NULL AND (lane_id, ordering_key) > (h.lane_id, h.ordering_key)
        ORDER BY lane_id, ordering_key, ordering_seq
        LIMIT 1
      ) next
    )
    UPDATE ready_attempts r SET due_at = GREATEST(j.deliver_at, now())
    FROM head h JOIN distribution_jobs j ON j.id = h.distribution_job_id
    WHERE r.delivery_id = h.delivery_id AND h.due_at = 'infinity' AND r.due_at = 'infinity' AND r.leased_by IS NULL
      AND ${IS_FREE}`,
};

/** Of the time at most one part in so many is spent looking for keys: with 100,000 of them a look takes a second. */
const LOOK_SHARE = 20;
/** However long one look took: a process that was stopped meanwhile would not look again for minutes. */
const LONGEST_PAUSE_MS = 30_000;

/** What is to follow a delivery goes with the outcome of that one; this is for keys that were blocked or left behind. */
export function ordering(now: () => number = () => performance.now()): Duty {
  let lookAt = 0;
  return {
    name: 'ordering',
    everySeconds: 1,
    async run(tx) {
      const lifted = await tx.query(LIFT_BLOCKS, []);
      const since = now();
      if (lifted.length === 0 && since < lookAt) return;
      await tx.query(RELEASE_LEFT, []);
      lookAt = since + Math.min(LOOK_SHARE * (now() - since), LONGEST_PAUSE_MS);
    },
  };
}
