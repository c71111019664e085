import { type World } from './world';

/** Where the accounts are read. */
export type Rows = Pick<World, 'rows'>;

/** What has become of every delivery of a tenant, counted in the database. */
export type Accounts = {
  /** Submitted × fan-out, from the jobs themselves. */
  planned: number;
  delivered: number;
  dead: number;
  pending: number;
  cancelled: number;
  expired: number;
  /** Rows that still wait to be sent; the same as `pending`, counted in another table. */
  queued: number;
  /** Attempts that were recorded twice, and attempts after the one that settled their delivery. */
  repeated: number;
};

const ACCOUNTS = `
  WITH latest AS (
    SELECT DISTINCT ON (delivery_id) delivery_id, status, error_code
    FROM distribution_attempts WHERE tenant_id = $1
    ORDER BY delivery_id, attempt_number DESC
  )
  SELECT
    (SELECT coalesce(sum(jsonb_array_length(destinations)), 0)::int
     FROM distribution_jobs WHERE tenant_id = $1) AS planned,
    count(*) FILTER (WHERE status = 'success')::int AS delivered,
    count(*) FILTER (WHERE status = 'failed' AND error_code IS DISTINCT FROM 'EXPIRED')::int AS dead,
    count(*) FILTER (WHERE status = 'pending')::int AS pending,
    count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled,
    count(*) FILTER (WHERE status = 'failed' AND error_code = 'EXPIRED')::int AS expired,
    (SELECT count(*)::int FROM ready_attempts WHERE tenant_id = $1) AS queued,
    (SELECT count(*)::int FROM (
       SELECT delivery_id FROM distribution_attempts WHERE tenant_id = $1
       GROUP BY delivery_id
       HAVING count(*) <> max(attempt_number)
         OR count(*) FILTER (WHERE status IN ('success', 'failed')) > 1 + count(*) FILTER (WHERE metadata ? 'replayed_by')
     ) twice) AS repeated
  FROM latest`;

export async function accountsOf(world: Rows, tenantId: string): Promise<Accounts> {
  const [accounts] = await world.rows<Accounts>(ACCOUNTS, [tenantId]);
  if (accounts === undefined) throw new Error('no accounts');
  return accounts;
}

/** The invariant: submitted × fan-out = delivered + dead + pending + cancelled + expired, and nothing twice. */
export function expectBalanced(accounts: Accounts): void {
  const { planned, delivered, dead, pending, cancelled, expired, queued, repeated } = accounts;
  expect({ total: delivered + dead + pending + cancelled + expired, queued, repeated }).toEqual({
    total: planned,
    queued: pending,
    repeated: 0,
  });
}
