import { type TenantTx } from '../database/tenant-transaction';
import { type DestinationId } from '../kernel/ids';

/** The breaker of a destination, as administrators see it. */
export interface BreakerView {
  state: 'closed' | 'open' | 'half_open' | 'recovering';
  consecutive_failures: number;
  opened_at: Date | null;
  probe_at: Date | null;
}

/** A destination without a row in `lanes` has a breaker at rest. */
const AT_REST: BreakerView = { state: 'closed', consecutive_failures: 0, opened_at: null, probe_at: null };

const BREAKERS_OF = {
  name: 'breakers_of',
  text: `
    SELECT lane_id, breaker AS state, consecutive_failures, opened_at, probe_at
    FROM lanes WHERE lane_id = ANY ($1::uuid[])`,
};

/** Whoever owns the lane sees `reset_at` and believes the row instead of its own memory. */
const RESET_BREAKER = {
  name: 'reset_breaker',
  text: `
    UPDATE lanes
    SET breaker = 'closed', consecutive_failures = 0, opened_at = NULL, probe_at = NULL, paused_until = NULL,
      reset_at = now()
    WHERE lane_id = $1`,
};

export async function breakersOf(
  tx: TenantTx,
  ids: readonly DestinationId[],
): Promise<(id: DestinationId) => BreakerView> {
  type Row = BreakerView & { lane_id: DestinationId };
  const rows = await tx.query<Row>(BREAKERS_OF, [ids]);
  const byId = new Map(rows.map(({ lane_id, ...breaker }) => [lane_id, breaker]));
  return (id) => byId.get(id) ?? AT_REST;
}

/** What waited flows at once; the next failures are counted from zero. A pause that the receiver asked for ends too. */
export async function resetBreaker(tx: TenantTx, id: DestinationId): Promise<void> {
  await tx.query(RESET_BREAKER, [id]);
}
