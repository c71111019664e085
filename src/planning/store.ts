import { type Column, columns } from '../database/statement';
import { type TenantStatements, type TenantTx } from '../database/tenant-transaction';
import { type JsonObject } from '../kernel/json';
import { type BatchId, type JobId } from '../kernel/ids';
import { type DueLane, rankOf } from '../kernel/priority';
import { holdKeys, type OrderedLane, orderingKeyOf, releaseKeys } from './ordering';
import { type JobDraft, type Plan, type PlannedDelivery } from './plan';
import { STORE_JOBS } from './store.sql';
import { type StoredDestination } from './stored-destination';

/** A job with its plan and all that is stored beside it. Times are seconds or absolute; the database's clock rules. */
export interface PlannedJob extends JobDraft {
  plan: Plan;
  /** As stored: the payload itself, or sealed where the submitter asked for encryption. */
  storedPayload: JsonObject;
  options: JsonObject;
  callback: { url: string; headers: JsonObject; events: string[] } | undefined;
  idempotencyKey: string | undefined;
  /** SHA-256 of the canonical body where the submitter named the job; tells a repeat from a conflict. */
  requestHash: Buffer | undefined;
  maxRetries: number;
  expiresAt: Date | undefined;
  ttlSeconds: number | undefined;
  deliverAt: Date | undefined;
  correlationId: string;
  batchId: BatchId | undefined;
  submittedBy: string;
}

/**
 * Writes jobs, their first attempts and the ready rows in one statement. A job whose name or idempotency key
 * is taken is left out, whole. Returns those that were written, with their time of acceptance.
 */
export async function storePlanned(tx: TenantTx, jobs: readonly PlannedJob[]): Promise<Map<JobId, Date>> {
  const ordered = jobs.flatMap(orderedLanes);
  await holdKeys(
    tx,
    ordered.map(({ key }) => key),
  );
  const stored = await storeUnordered(tx, jobs);
  await releaseKeys(tx, ordered);
  return stored;
}

/** The same for jobs without an ordering key: it needs no transaction around it. */
export async function storeUnordered(
  statements: TenantStatements,
  jobs: readonly PlannedJob[],
): Promise<Map<JobId, Date>> {
  const rows = await statements.query<{ id: JobId; created_at: Date }>(STORE_JOBS, [
    statements.tenantId,
    ...columns(jobs, JOB_COLUMNS),
    ...columns(jobs.flatMap(deliveryRows), DELIVERY_COLUMNS),
  ]);
  return new Map(rows.map(({ id, created_at }) => [id, created_at]));
}

function orderedLanes({ options, plan }: PlannedJob): OrderedLane[] {
  const key = orderingKeyOf(options);
  return key === undefined ? [] : plan.deliveries.map(({ laneId }) => ({ laneId, key }));
}

/** The lanes in which something of these jobs is due now, each once; what is to be sent later is found in its time. */
export function dueLanes(jobs: readonly PlannedJob[]): DueLane[] {
  const lanes = new Map<string, DueLane>();
  for (const { tenantId, plan, deliverAt } of jobs) {
    if (deliverAt !== undefined) continue;
    const rank = rankOf(plan.priority);
    for (const { laneId } of plan.deliveries) {
      const known = lanes.get(laneId);
      if (known === undefined || rank < known.rank) lanes.set(laneId, { tenantId, laneId, rank });
    }
  }
  return [...lanes.values()];
}

/** In the order of STORE_JOBS' `job` input. */
const JOB_COLUMNS: Column<PlannedJob>[] = [
  (job) => job.id,
  (job) => job.distributionId,
  (job) => job.plan.priority,
  (job) => job.dataType,
  { jsonb: (job) => JSON.stringify(job.storedPayload) },
  { jsonb: (job) => JSON.stringify(job.plan.deliveries.map(destinationView)) },
  (job) => job.callback?.url ?? null,
  (job) => job.deliverAt ?? null,
  (job) => job.expiresAt ?? null,
  (job) => job.ttlSeconds ?? null,
  (job) => job.maxRetries,
  { jsonb: (job) => JSON.stringify(job.metadata) },
  { jsonb: (job) => JSON.stringify(job.options) },
  { jsonb: (job) => (job.callback === undefined ? null : JSON.stringify(job.callback)) },
  { jsonb: (job) => JSON.stringify(planView(job.plan)) },
  (job) => job.idempotencyKey ?? null,
  (job) => job.requestHash ?? null,
  (job) => job.correlationId,
  (job) => job.batchId ?? null,
  (job) => job.submittedBy,
  (job) => job.plan.deliveries.length,
];

/** Beyond these a job's reasons say only how many more there are; it would be stored with megabytes otherwise. */
const MOST_REASONS = 200;

const planView = ({ outcome, reasons, rulesVersion }: Plan) => ({
  outcome,
  reasons: reasons.slice(0, MOST_REASONS),
  ...(reasons.length > MOST_REASONS ? { reasons_omitted: reasons.length - MOST_REASONS } : {}),
  rules_version: rulesVersion,
});

interface DeliveryRow {
  job: PlannedJob;
  delivery: PlannedDelivery;
  position: number;
}

const deliveryRows = (job: PlannedJob): DeliveryRow[] =>
  job.plan.deliveries.map((delivery, position) => ({ job, delivery, position }));

/** In the order of STORE_JOBS' `delivery` input. */
const DELIVERY_COLUMNS: Column<DeliveryRow>[] = [
  ({ job }) => job.id,
  ({ delivery }) => delivery.deliveryId,
  ({ delivery }) => delivery.firstAttemptId,
  ({ delivery }) => delivery.destinationId,
  ({ delivery }) => delivery.name,
  ({ position }) => position,
  ({ delivery }) => delivery.laneId,
  ({ job }) => rankOf(job.plan.priority),
];

const destinationView = (delivery: PlannedDelivery): StoredDestination => ({
  delivery_id: delivery.deliveryId,
  name: delivery.name,
  protocol: delivery.protocol,
  destination_id: delivery.destinationId,
  inline: delivery.inline,
  transform: delivery.transform,
  filters: delivery.filters,
  max_attempts: delivery.maxAttempts,
});
