import { createHash } from 'node:crypto';
import { type JsonObject } from '../../../src/kernel/json';
import { type StoredDestination } from '../../../src/planning/stored-destination';
import { planAttempt } from './record';
import { type JobRow, type ReadyRow, type Tables } from './tables';
import { array, type Modelled, moment, type Row, unnest } from './values';

interface JobInput {
  id: string;
  distribution_id: string;
  priority: string;
  data_type: string;
  payload: string;
  destinations: string;
  callback_url: null;
  deliver_at: Date | null;
  expires_at: Date | null;
  ttl_seconds: number | null;
  max_retries: number;
  metadata: string;
  options: string;
}

interface DeliveryInput {
  job_id: string;
  delivery_id: string;
  attempt_id: string;
  destination_id: string | null;
  destination_name: string;
  position: number;
  lane_id: string;
  rank: number;
}

const JOB_COLUMNS: (keyof JobInput)[] = [
  'id',
  'distribution_id',
  'priority',
  'data_type',
  'payload',
  'destinations',
  'callback_url',
  'deliver_at',
  'expires_at',
  'ttl_seconds',
  'max_retries',
  'metadata',
  'options',
];

const DELIVERY_COLUMNS: (keyof DeliveryInput)[] = [
  'job_id',
  'delivery_id',
  'attempt_id',
  'destination_id',
  'destination_name',
  'position',
  'lane_id',
  'rank',
];

/** As `md5(…)::uuid`. */
const uuidOf = (key: string): string =>
  createHash('md5')
    .update(key)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export const orderingOf = (tables: Tables, { options }: Pick<JobRow, 'options'>) => {
  const key = options['ordering_key'];
  if (typeof key !== 'string') return { orderingKey: null, orderingSeq: null };
  return { orderingKey: uuidOf(key), orderingSeq: ++tables.orderingSeq };
};

const storeJobs: Modelled = (tables, values, tenantId) => {
  for (const input of unnest<JobInput>(values, 2, JOB_COLUMNS)) {
    const destinations = JSON.parse(input.destinations) as StoredDestination[];
    const expiresAt = moment(input.expires_at);
    tables.jobs.set(input.id, {
      id: input.id,
      tenantId,
      distributionId: input.distribution_id,
      status: 'pending',
      priority: input.priority,
      dataType: input.data_type,
      payload: input.payload,
      destinations,
      options: JSON.parse(input.options) as JsonObject,
      correlationId: 'c',
      maxRetries: input.max_retries,
      deliverAt: moment(input.deliver_at),
      expiresAt: expiresAt === null ? null : Math.max(expiresAt, tables.now + 1),
      openDeliveries: destinations.length,
      failedDeliveries: 0,
      cancelRequestedAt: null,
      completedAt: null,
    });
  }
  for (const input of unnest<DeliveryInput>(values, 23, DELIVERY_COLUMNS)) {
    const job = tables.job(input.job_id);
    const ordering = orderingOf(tables, job);
    const row = rowOf(job, input);
    tables.ready.set(row.deliveryId, {
      ...row,
      ...ordering,
      dueAt: ordering.orderingKey === null ? (job.deliverAt ?? tables.now) : Infinity,
    });
    planAttempt(tables, row);
  }
  return unnest<JobInput>(values, 2, JOB_COLUMNS).map(({ id }) => ({ id }));
};

const rowOf = (job: JobRow, input: DeliveryInput): ReadyRow => ({
  deliveryId: input.delivery_id,
  tenantId: job.tenantId,
  jobId: job.id,
  attemptId: input.attempt_id,
  attemptNumber: 1,
  roundStart: 0,
  destinationName: input.destination_name,
  position: input.position,
  laneId: input.lane_id,
  rank: input.rank,
  dueAt: 0,
  expiresAt: job.expiresAt,
  leasedBy: null,
  fence: 0,
  orderingKey: null,
  orderingSeq: null,
});

const named = (tables: Tables, name: unknown): JobRow | undefined =>
  [...tables.jobs.values()].find(({ distributionId }) => distributionId === name);

const findJob: Modelled = (tables, [name]) => {
  const job = named(tables, name);
  return job === undefined ? [] : [{ id: job.id }];
};

const lockJob: Modelled = (tables, [name]) => {
  const job = named(tables, name);
  if (job === undefined) return [];
  return [{ id: job.id, status: job.status, open_deliveries: job.openDeliveries, options: job.options }];
};

const requestCancel: Modelled = (tables, [ids]) => {
  for (const id of array(ids)) tables.job(id as string).cancelRequestedAt ??= tables.now;
  return [];
};

const take = (row: ReadyRow, node: unknown): Row => {
  row.leasedBy = node as string;
  row.fence++;
  return {
    delivery_id: row.deliveryId,
    distribution_job_id: row.jobId,
    attempt_id: row.attemptId,
    fence: row.fence,
    lane_id: row.laneId,
  };
};

const takeWaiting: Modelled = (tables, [ids, node]) =>
  [...tables.ready.values()]
    .filter(({ jobId, leasedBy }) => leasedBy === null && array(ids).includes(jobId))
    .map((row) => take(row, node));

const isOverdue = (tables: Tables, { expiresAt, leasedBy }: ReadyRow, seconds: number): boolean =>
  expiresAt !== null && expiresAt <= tables.after(-seconds) && leasedBy === null;

const overdueDeliveries: Modelled = (tables, [seconds], tenantId) =>
  [...tables.ready.values()]
    .filter((row) => row.tenantId === tenantId && isOverdue(tables, row, seconds as number))
    .map(({ deliveryId, jobId }) => ({ delivery_id: deliveryId, distribution_job_id: jobId }));

const takeOverdue: Modelled = (tables, [ids, node]) =>
  array(ids).flatMap((id) => {
    const row = tables.ready.get(id as string);
    if (row === undefined || !isOverdue(tables, row, 0)) return [];
    return [{ ...take(row, node), options: tables.job(row.jobId).options }];
  });

const overdueTenants: Modelled = (tables, [seconds]) => {
  const rows = [...tables.ready.values()].filter((row) => isOverdue(tables, row, seconds as number));
  return [...new Set(rows.map(({ tenantId }) => tenantId))].map((tenant_id) => ({ tenant_id }));
};

const expireReady: Modelled = (tables) => {
  for (const row of tables.ready.values())
    if (
      row.expiresAt !== null &&
      row.expiresAt <= tables.now &&
      row.dueAt > tables.now &&
      row.leasedBy === null
    )
      row.dueAt = tables.now;
  return [];
};

export const JOBS: Record<string, Modelled> = {
  store_jobs: storeJobs,
  find_job_by_name: findJob,
  lock_job_by_name: lockJob,
  request_cancel: requestCancel,
  take_waiting: takeWaiting,
  overdue_deliveries: overdueDeliveries,
  take_overdue: takeOverdue,
  overdue_tenants: overdueTenants,
  expire_ready: expireReady,
};
