/**
 * Over `d`, the destination whose lane it is (none for an inline one), and `t`, its tenant. A lane is drained when its
 * deliveries are settled without being sent: nothing is to be spared then.
 */
export const DRAINED = `COALESCE(d.deleted_at IS NOT NULL OR d.status = 'inactive', false)`;
export const HELD = `(t.status <> 'active' OR (d.status = 'maintenance' AND d.deleted_at IS NULL))`;
export const LIMITED = `COALESCE(d.configuration ?| '{max_in_flight,rate_limit}', false)`;

/**
 * Lanes with something due now or within the next seconds, with all that decides whether they may be claimed. One step
 * of an index for each rank of each lane, however many rows there are. Times are relative: the worker's clock may differ.
 *
 * $1 seconds ahead, $2 node
 */
export const DISCOVER_LANES = {
  name: 'discover_lanes',
  text: `
    WITH RECURSIVE head AS (
      (SELECT lane_id, rank, due_at, tenant_id FROM ready_attempts ORDER BY lane_id, rank, due_at LIMIT 1)
      UNION ALL
      SELECT next.*
      FROM head h
      CROSS JOIN LATERAL (
        SELECT lane_id, rank, due_at, tenant_id FROM ready_attempts
        WHERE (lane_id, rank) > (h.lane_id, h.rank)
        ORDER BY lane_id, rank, due_at
        LIMIT 1
      ) next
    ),
    lane AS (
      SELECT tenant_id, lane_id, min(due_at) AS due_at,
        COALESCE(min(rank) FILTER (WHERE due_at <= now()), min(rank)) AS rank
      FROM head
      GROUP BY tenant_id, lane_id
      HAVING min(due_at) <= now() + make_interval(secs => $1)
    )
    SELECT l.tenant_id, l.lane_id, l.rank, extract(epoch FROM l.due_at - now())::float8 AS due_in,
      t.config -> 'weight' AS weight, ${HELD} IS TRUE AS held, ${DRAINED} AS drained,
      (d.configuration ->> 'max_in_flight')::int AS max_in_flight, d.configuration -> 'rate_limit' AS rate_limit,
      c.lane_id IS NOT NULL AS in_care,
      CASE WHEN c.owned_by <> $2 THEN extract(epoch FROM c.owned_until - now())::float8 END AS taken_for,
      c.breaker, c.consecutive_failures, extract(epoch FROM c.probe_at - now())::float8 AS probe_in,
      extract(epoch FROM c.paused_until - now())::float8 AS paused_for, c.reset_at
    FROM lane l
    JOIN tenants t ON t.id = l.tenant_id
    LEFT JOIN destinations d ON d.id = l.lane_id
    LEFT JOIN lanes c ON c.tenant_id = l.tenant_id AND c.lane_id = l.lane_id`,
};

/**
 * Takes or keeps lanes in care. Only one node gets a lane, by the database's clock; it has it until it stops asking.
 * Returns the lanes that this node owns now, and how many deliveries of each other nodes still have in flight.
 *
 * $1 node, $2 tenants, $3 lanes, $4 seconds
 */
export const OWN_LANES = {
  name: 'own_lanes',
  text: `
    INSERT INTO lanes (tenant_id, lane_id, destination_name, owned_by, owned_until)
    SELECT tenant_id, lane_id,
      COALESCE((SELECT name FROM destinations d WHERE d.id = lane_id),
        (SELECT destination_name FROM ready_attempts r WHERE r.lane_id = wanted.lane_id LIMIT 1), ''),
      $1, now() + make_interval(secs => $4)
    FROM unnest($2::text[], $3::uuid[]) AS wanted (tenant_id, lane_id)
    ORDER BY lane_id
    ON CONFLICT (tenant_id, lane_id) DO UPDATE
    SET owned_by = excluded.owned_by, owned_until = excluded.owned_until
    WHERE lanes.owned_by = $1 OR lanes.owned_until IS NULL OR lanes.owned_until <= now()
    RETURNING lane_id,
      (SELECT count(*)::int FROM ready_attempts r
       WHERE r.lane_id = lanes.lane_id AND r.rank = ANY ('{0,1,2,3,4,5,6,7}') AND r.due_at > now()
         AND r.due_at < 'infinity' AND r.leased_by <> $1) AS elsewhere`,
};

/** A stopping node: others need not wait for the end of its ownership. */
export const DISOWN_LANES = {
  name: 'disown_lanes',
  text: `UPDATE lanes SET owned_until = now() WHERE owned_by = $1 AND owned_until > now()`,
};

/**
 * The state of a breaker, when it changes. Whoever owns the lane says so; a worker that sees a healthy lane fail puts it
 * into care, unless another did so before.
 *
 * $1 node, $2 tenant, $3 lane, $4 name, $5 state, $6 failures, $7 seconds until the probe
 */
export const SAVE_BREAKER = {
  name: 'save_breaker',
  text: `
    INSERT INTO lanes (tenant_id, lane_id, destination_name, breaker, consecutive_failures, opened_at, probe_at)
    VALUES ($2, $3, $4, $5::text, $6, CASE WHEN $5::text = 'open' THEN now() END, now() + make_interval(secs => $7))
    ON CONFLICT (tenant_id, lane_id) DO UPDATE
    SET breaker = excluded.breaker, consecutive_failures = excluded.consecutive_failures,
      opened_at = CASE excluded.breaker WHEN 'open' THEN now() WHEN 'closed' THEN NULL ELSE lanes.opened_at END,
      probe_at = excluded.probe_at
    WHERE lanes.owned_by = $1 OR lanes.breaker = 'closed'`,
};

/** The destination asked for a pause (Retry-After). $1 tenant, $2 lane, $3 name, $4 seconds */
export const PAUSE_LANE = {
  name: 'pause_lane',
  text: `
    INSERT INTO lanes (tenant_id, lane_id, destination_name, paused_until)
    VALUES ($1, $2, $3, now() + make_interval(secs => $4))
    ON CONFLICT (tenant_id, lane_id) DO UPDATE
    SET paused_until = GREATEST(lanes.paused_until, excluded.paused_until)`,
};

/** A lane that needs no care any more: at rest, without limits, no pause. $1 node, $2 lanes */
export const RELEASE_LANES = {
  name: 'release_lanes',
  text: `
    DELETE FROM lanes c
    WHERE c.lane_id = ANY ($2::uuid[]) AND c.owned_by = $1 AND c.breaker = 'closed'
      AND (c.paused_until IS NULL OR c.paused_until <= now())
      AND NOT EXISTS (
        SELECT FROM destinations d WHERE d.id = c.lane_id AND ${LIMITED} AND d.deleted_at IS NULL
      )
    RETURNING c.lane_id`,
};

/** Lanes whose breaker is not at rest, for the metrics. */
export const BREAKERS = {
  name: 'breakers',
  text: `
    SELECT tenant_id, destination_name, breaker FROM lanes WHERE breaker <> 'closed'
    ORDER BY opened_at DESC LIMIT 500`,
};
