import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import {
  type AttemptId,
  type DeliveryId,
  type JobId,
  newId,
  type NodeId,
  type TenantId,
} from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type DueLane } from '../kernel/priority';
import { holdKeysOf, orderingKeyOf, releaseKeys } from '../planning/ordering';
import { EXPIRED } from './decide';
import { recordOutcomes, type Settlement } from './record';

/** A worker would have claimed it by now: its lane is held, at its limit, or its breaker is open. */
export const OVERDUE_SECONDS = 2;

const OVERDUE = {
  name: 'overdue_deliveries',
  text: `
    SELECT delivery_id, distribution_job_id FROM ready_attempts
    WHERE expires_at <= now() - make_interval(secs => $1) AND leased_by IS NULL
    ORDER BY expires_at
    LIMIT 200`,
};

/** As a claim would, whatever keeps their lane. $1 deliveries, $2 by whom */
const TAKE_OVERDUE = {
  name: 'take_overdue',
  text: `
    WITH overdue AS (
      SELECT delivery_id FROM ready_attempts
      WHERE delivery_id = ANY ($1::uuid[]) AND expires_at <= now() AND leased_by IS NULL
      FOR UPDATE SKIP LOCKED
    )
    UPDATE ready_attempts r SET leased_by = $2, fence = r.fence + 1
    FROM overdue o, distribution_jobs j
    WHERE r.delivery_id = o.delivery_id AND j.id = r.distribution_job_id
    RETURNING r.delivery_id, r.distribution_job_id, r.attempt_id, r.fence, r.lane_id, j.options`,
};

type Overdue = { delivery_id: DeliveryId; distribution_job_id: JobId };
type Taken = Overdue & { attempt_id: AttemptId; fence: number; lane_id: string; options: JsonObject };

/** Settles what has expired in lanes from which nobody claims: it would wait as long as the lane does. */
export class Expiries {
  constructor(
    private readonly tenants: Pick<TenantTransaction, 'run'>,
    private readonly deadLetterDays: number,
    private readonly wake: (lanes: readonly DueLane[]) => void,
  ) {}

  /** A handful of the tenant's; the next call goes on. */
  async settle(tenantId: TenantId): Promise<void> {
    const released = await this.tenants.run(tenantId, (tx) => this.settleIn(tx));
    if (released.length > 0) this.wake(released);
  }

  private async settleIn(tx: TenantTx): Promise<DueLane[]> {
    const overdue = await tx.query<Overdue>(OVERDUE, [OVERDUE_SECONDS]);
    await holdKeysOf(
      tx,
      overdue.map(({ distribution_job_id: id }) => id),
    );
    const deliveries = overdue.map(({ delivery_id: id }) => id);
    const taken = await tx.query<Taken>(TAKE_OVERDUE, [deliveries, newId<NodeId>()]);
    if (taken.length === 0) return [];
    const by = { actor: 'duty:expire', deadLetterDays: this.deadLetterDays };
    await recordOutcomes(tx, taken.map(expired), by);
    const ordered = taken.flatMap(({ lane_id: laneId, options }) => {
      const key = orderingKeyOf(options);
      return key === undefined ? [] : [{ laneId, key }];
    });
    return releaseKeys(tx, ordered);
  }
}

const expired = (claimed: Taken): Settlement => ({
  claimed,
  decision: EXPIRED,
  startedAt: undefined,
  completedAt: new Date(),
  response: undefined,
  bytesSent: 0,
  log: [],
});
