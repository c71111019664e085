import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { type AttemptId, type DeliveryId, type JobId, type NodeId, newId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type DueLane } from '../kernel/priority';
import { holdKeysOf, orderingKeyOf, releaseKeys } from '../planning/ordering';
import { about, audit } from '../tenants/audit';
import { type TenantCaller } from '../tenants/scopes';
import { recordOutcomes, type Settlement } from './record';

export type Cancellation =
  | { kind: 'cancelled'; status: string; cancelledDestinations: number; inFlightDestinations: number }
  | { kind: 'terminal'; status: string }
  | { kind: 'unknown' };

type JobRow = { id: JobId; status: string; open_deliveries: number; options: JsonObject };

const FIND_BY_NAME = {
  name: 'find_job_by_name',
  text: `SELECT distribution_job_id AS id FROM distribution_keys WHERE distribution_id = $1`,
};

const LOCK_BY_NAME = {
  name: 'lock_job_by_name',
  text: `
    SELECT j.id, j.status, j.open_deliveries, j.options
    FROM distribution_keys k JOIN distribution_jobs j ON j.id = k.distribution_job_id
    WHERE k.distribution_id = $1
    FOR NO KEY UPDATE OF j`,
};

/** From now on no recorder plans another attempt of the job, and no worker sends one. */
const REQUEST_CANCEL = {
  name: 'request_cancel',
  text: `
    UPDATE distribution_jobs SET cancel_requested_at = COALESCE(cancel_requested_at, now())
    WHERE id = ANY ($1::uuid[])`,
};

/** What nobody is sending at this moment is taken out of the queue, as a claim would. */
const TAKE_WAITING = {
  name: 'take_waiting',
  text: `
    UPDATE ready_attempts r SET leased_by = $2, fence = r.fence + 1
    FROM distribution_jobs j CROSS JOIN LATERAL jsonb_array_elements(j.destinations) d
    WHERE j.id = ANY ($1::uuid[]) AND r.delivery_id = (d ->> 'delivery_id')::uuid AND r.leased_by IS NULL
    RETURNING r.delivery_id, r.distribution_job_id, r.attempt_id, r.fence, r.lane_id`,
};

type Taken = {
  delivery_id: DeliveryId;
  distribution_job_id: JobId;
  attempt_id: AttemptId;
  fence: number;
  lane_id: string;
};

/**
 * Of jobs that the caller's transaction has locked, keys first: settles what nobody is sending, and lets the rest be the
 * last attempts. Tells where deliveries that waited behind them are due now.
 */
export async function cancelWaiting(
  tx: TenantTx,
  jobs: readonly Pick<JobRow, 'id' | 'options'>[],
  actor: string,
): Promise<{ settled: number; due: DueLane[] }> {
  const ids = jobs.map(({ id }) => id);
  await tx.query(REQUEST_CANCEL, [ids]);
  const taken = await tx.query<Taken>(TAKE_WAITING, [ids, newId<NodeId>()]);
  if (taken.length > 0) await recordOutcomes(tx, taken.map(cancelled), { actor, deadLetterDays: 1 });
  const keys = new Map(jobs.map(({ id, options }) => [id, orderingKeyOf(options)]));
  const ordered = taken.flatMap(({ distribution_job_id: id, lane_id: laneId }) => {
    const key = keys.get(id);
    return key === undefined ? [] : [{ laneId, key }];
  });
  return { settled: taken.length, due: await releaseKeys(tx, ordered) };
}

export class Cancellations {
  constructor(
    private readonly tenants: Pick<TenantTransaction, 'run'>,
    private readonly wake: (lanes: readonly DueLane[]) => void,
  ) {}

  /**
   * Cancels what has not been sent. A delivery in flight is let finish, without another attempt; the job is
   * `cancelled` when the last one has ended.
   */
  async cancel(caller: TenantCaller, distributionId: string, reason?: string): Promise<Cancellation> {
    let released: DueLane[] = [];
    const cancellation = await this.tenants.run<Cancellation>(caller.tenantId, async (tx) => {
      const found = await tx.query<{ id: JobId }>(FIND_BY_NAME, [distributionId]);
      await holdKeysOf(
        tx,
        found.map(({ id }) => id),
      );
      const [job] = await tx.query<JobRow>(LOCK_BY_NAME, [distributionId]);
      if (job === undefined) return { kind: 'unknown' };
      if (job.open_deliveries === 0) return { kind: 'terminal', status: job.status };
      const { settled, due } = await cancelWaiting(tx, [job], caller.actor);
      released = due;
      const inFlight = job.open_deliveries - settled;
      const status = inFlight === 0 ? 'cancelled' : 'processing';
      // The last statement: entries of a tenant wait for each other until the transaction ends.
      await audit(tx.manager, {
        ...about(caller, 'distribution', distributionId),
        action: 'cancel',
        details: {
          cancelled_destinations: settled,
          in_flight_destinations: inFlight,
          ...(reason === undefined ? {} : { reason }),
        },
      });
      return {
        kind: 'cancelled',
        status,
        cancelledDestinations: settled,
        inFlightDestinations: inFlight,
      };
    });
    if (released.length > 0) this.wake(released);
    return cancellation;
  }
}

const cancelled = (claimed: Taken): Settlement => ({
  claimed,
  decision: { kind: 'cancel' },
  startedAt: undefined,
  completedAt: new Date(),
  response: undefined,
  bytesSent: 0,
  log: [],
});
