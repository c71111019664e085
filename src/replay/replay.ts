import { type Column, columns } from '../database/statement';
import { type TenantTx } from '../database/tenant-transaction';
import { type AttemptId, type BatchId, type DeliveryId, type JobId, newId } from '../kernel/ids';
import { PRIORITIES } from '../kernel/priority';
import { holdKeysOf, releaseKeys } from '../planning/ordering';
import { laneOf } from '../planning/plan';
import { choose, type Choice, type DeliveryState, type Wish } from './choose';
import { DELIVERY_STATES, LOCK_JOBS, OPEN_AGAIN, SUPERSEDE_RETRIES } from './replay.sql';

type LockedJob = {
  id: JobId;
  status: string;
  completed_at: Date | null;
  open_deliveries: number;
  batch_id: BatchId | null;
  cancelling: boolean;
};

export interface ReplayedDelivery {
  deliveryId: DeliveryId;
  name: string;
  choice: Choice;
}

/** `cancelling`: a cancellation was asked for and has not come to its end; it is not undone half way. */
export type ReplayedJob =
  { kind: 'replayed'; status: string; deliveries: ReplayedDelivery[] } | { kind: 'cancelling' };

export interface ReplayOrder {
  actor: string;
  /** Why, in the words of whoever asked; stands in the job's events. */
  reason: string | undefined;
  wish: (jobId: JobId) => Wish;
  /** When each delivery is due, in turn; undefined = now. A replay of many spreads them. */
  nextDueAt: () => Date | undefined;
}

type Chosen = { state: DeliveryState; choice: Choice };

/**
 * Replays within the caller's transaction, which locks the jobs first. Jobs that have left the history are absent
 * from the answer.
 */
export async function replayJobs(
  tx: TenantTx,
  jobIds: readonly JobId[],
  order: ReplayOrder,
): Promise<Map<JobId, ReplayedJob>> {
  await holdKeysOf(tx, jobIds);
  const jobs = await tx.query<LockedJob>(LOCK_JOBS, [jobIds]);
  const states = await tx.query<DeliveryState>(DELIVERY_STATES, [jobIds]);
  const open = jobs.filter((job) => !isCancelling(job));
  const openIds = new Set(open.map(({ id }) => id));
  const chosen = states
    .filter(({ job_id }) => openIds.has(job_id))
    .flatMap((state): Chosen[] => {
      const choice = choose(state, order.wish(state.job_id));
      return choice === undefined ? [] : [{ state, choice }];
    });
  await supersede(tx, chosen, order);
  await openAgain(tx, open, states, chosen, order);
  const byJob = new Map<JobId, Chosen[]>(open.map(({ id }) => [id, []]));
  for (const one of chosen) byJob.get(one.state.job_id)?.push(one);
  return new Map(jobs.map((job) => [job.id, answerOf(job, byJob.get(job.id))]));
}

const isCancelling = ({ cancelling, open_deliveries }: LockedJob): boolean =>
  cancelling && open_deliveries > 0;

const marked = (actor: string): string => JSON.stringify({ replayed_by: actor });

/** A retry that a worker took in this moment is in flight, and said to be. */
async function supersede(tx: TenantTx, chosen: Chosen[], order: ReplayOrder): Promise<void> {
  const retries = chosen.filter(({ choice }) => choice === 'superseded');
  if (retries.length === 0) return;
  const moved = await tx.query<{ delivery_id: DeliveryId }>(SUPERSEDE_RETRIES, [
    ...columns(retries, [({ state }) => state.delivery_id, () => order.nextDueAt() ?? null]),
    marked(order.actor),
  ]);
  const ids = new Set(moved.map(({ delivery_id }) => delivery_id));
  for (const retry of retries) if (!ids.has(retry.state.delivery_id)) retry.choice = 'in_flight';
}

async function openAgain(
  tx: TenantTx,
  jobs: readonly LockedJob[],
  states: readonly DeliveryState[],
  chosen: readonly Chosen[],
  order: ReplayOrder,
): Promise<void> {
  const changes = jobs.flatMap((job) => changeOf(job, states, chosen, order) ?? []);
  if (changes.length === 0) return;
  const replayed = chosen.filter(({ choice }) => choice === 'replayed').map(({ state }) => state);
  await tx.query(OPEN_AGAIN, [
    tx.tenantId,
    ...columns(replayed, [
      ...DELIVERY_COLUMNS,
      (state) => laneOf(tx.tenantId, { ...state, destinationId: state.destination_id }),
      () => order.nextDueAt() ?? null,
    ]),
    ...columns(changes, CHANGE_COLUMNS),
    marked(order.actor),
    PRIORITIES,
    order.actor,
  ]);
  await releaseKeys(
    tx,
    replayed.flatMap(({ ordering_key: key, ...state }) =>
      key === null
        ? []
        : [{ key, laneId: laneOf(tx.tenantId, { ...state, destinationId: state.destination_id }) }],
    ),
  );
}

/** In the order of OPEN_AGAIN's `delivery` input; lane and time follow. */
const DELIVERY_COLUMNS: Column<DeliveryState>[] = [
  ({ job_id }) => job_id,
  ({ delivery_id }) => delivery_id,
  () => newId<AttemptId>(),
  ({ attempt_number }) => attempt_number + 1,
  ({ name }) => name,
  ({ position }) => position,
  ({ destination_id }) => destination_id,
];

interface JobChange {
  job: LockedJob;
  reopened: number;
  /** Of these, the ones that counted as failed. */
  failed: number;
  /** A destination that stays failed. */
  failure: DeliveryState | undefined;
  reason: string;
}

/** Undefined for a job of which nothing is replayed. */
function changeOf(
  job: LockedJob,
  states: readonly DeliveryState[],
  chosen: readonly Chosen[],
  order: ReplayOrder,
): JobChange | undefined {
  const done = chosen.filter(({ state, choice }) => state.job_id === job.id && isMoved(choice));
  if (done.length === 0) return undefined;
  const again = new Set(done.filter(({ choice }) => choice === 'replayed').map(({ state }) => state));
  const isFailed = ({ status }: DeliveryState): boolean => status === 'failed';
  const names = done.map(({ state }) => state.name).join(', ');
  return {
    job,
    reopened: again.size,
    failed: [...again].filter(isFailed).length,
    failure: states.find((state) => state.job_id === job.id && isFailed(state) && !again.has(state)),
    reason: `replay of ${names}${order.reason === undefined ? '' : `: ${order.reason}`}`,
  };
}

/** In the order of OPEN_AGAIN's `job` input. */
const CHANGE_COLUMNS: Column<JobChange>[] = [
  ({ job }) => job.id,
  ({ job }) => job.status,
  ({ reopened }) => reopened,
  ({ failed }) => failed,
  ({ failure }) => failure?.error_code ?? null,
  ({ failure }) => failure?.error_message ?? null,
  ({ reason }) => reason,
];

export const isMoved = (choice: Choice): boolean => choice === 'replayed' || choice === 'superseded';

function answerOf(job: LockedJob, chosen: readonly Chosen[] | undefined): ReplayedJob {
  if (chosen === undefined) return { kind: 'cancelling' };
  return {
    kind: 'replayed',
    status: chosen.some(({ choice }) => choice === 'replayed') ? 'processing' : job.status,
    deliveries: chosen.map(({ state, choice }) => ({
      deliveryId: state.delivery_id,
      name: state.name,
      choice,
    })),
  };
}
