import { PRIORITIES, type Priority } from '../../../src/kernel/priority';
import { orderingOf } from './jobs';
import { planAttempt } from './record';
import { type ReadyRow, type Tables } from './tables';
import { array, date, type Modelled, moment, type Row, unnest } from './values';

interface DeliveryInput {
  job_id: string;
  delivery_id: string;
  attempt_id: string;
  attempt_number: number;
  name: string;
  position: number;
  destination_id: string | null;
  lane_id: string;
  due_at: Date | null;
}

interface JobInput {
  id: string;
  was: string;
  reopened: number;
  failed: number;
}

const lockJobs: Modelled = (tables, [ids]) =>
  array(ids).flatMap((id) => {
    const job = tables.jobs.get(id as string);
    if (job === undefined) return [];
    return [
      {
        id,
        status: job.status,
        completed_at: job.completedAt === null ? null : date(job.completedAt),
        open_deliveries: job.openDeliveries,
        batch_id: null,
        cancelling: job.cancelRequestedAt !== null,
      },
    ];
  });

const deliveryStates: Modelled = (tables, [ids]) =>
  array(ids).flatMap((id) =>
    tables.job(id as string).destinations.map((item, position): Row => {
      const attempt = tables.attemptsOf(item.delivery_id).at(-1);
      const row = tables.ready.get(item.delivery_id);
      return {
        job_id: id,
        delivery_id: item.delivery_id,
        position,
        name: item.name,
        protocol: item.protocol,
        destination_id: item.destination_id,
        inline: item.inline,
        attempt_id: attempt?.id,
        attempt_number: attempt?.attemptNumber,
        status: attempt?.status,
        error_code: attempt?.errorCode,
        error_message: attempt?.errorMessage,
        in_flight: row !== undefined && row.leasedBy !== null,
        round_start: row?.roundStart ?? 0,
        letter: tables.latestLetter(item.delivery_id)?.status ?? null,
        ordering_key: tables.job(id as string).options['ordering_key'] ?? null,
      };
    }),
  );

const supersedeRetries: Modelled = (tables, values) =>
  unnest<{ delivery_id: string; due_at: Date | null }>(values, 1, ['delivery_id', 'due_at']).flatMap(
    ({ delivery_id, due_at }) => {
      const row = tables.ready.get(delivery_id);
      if (row === undefined || row.leasedBy !== null) return [];
      row.dueAt = moment(due_at) ?? tables.now;
      row.roundStart = row.attemptNumber - 1;
      row.expiresAt = stillToCome(tables, row.expiresAt);
      return [{ delivery_id }];
    },
  );

const stillToCome = (tables: Tables, at: number | null): number | null =>
  at !== null && at > tables.now ? at : null;

const openAgain: Modelled = (tables, values, tenantId) => {
  const deliveries = unnest<DeliveryInput>(values, 2, [
    'job_id',
    'delivery_id',
    'attempt_id',
    'attempt_number',
    'name',
    'position',
    'destination_id',
    'lane_id',
    'due_at',
  ]);
  for (const input of deliveries) {
    const row = reopened(tables, input, tenantId);
    tables.ready.set(row.deliveryId, row);
    planAttempt(tables, row);
    for (const letter of tables.letters)
      if (letter.deliveryId === input.delivery_id) letter.status = 'redriven';
  }
  for (const { id, reopened: count, failed } of unnest<JobInput>(values, 11, [
    'id',
    'was',
    'reopened',
    'failed',
  ])) {
    const job = tables.job(id);
    job.openDeliveries += count;
    job.failedDeliveries -= failed;
    if (count > 0) job.status = 'processing';
    job.completedAt = null;
    job.cancelRequestedAt = null;
  }
  return [];
};

function reopened(tables: Tables, input: DeliveryInput, tenantId: string): ReadyRow {
  const job = tables.job(input.job_id);
  const block = tables.blocks.get(input.delivery_id);
  const isBlocking = block !== undefined && block.laneId === input.lane_id;
  const { orderingKey, orderingSeq } = isBlocking ? block : orderingOf(tables, job);
  return {
    deliveryId: input.delivery_id,
    tenantId,
    jobId: job.id,
    attemptId: input.attempt_id,
    attemptNumber: input.attempt_number,
    roundStart: input.attempt_number - 1,
    destinationName: input.name,
    position: input.position,
    laneId: input.lane_id,
    rank: 2 * PRIORITIES.indexOf(job.priority as Priority) + 1,
    dueAt: orderingKey === null ? (moment(input.due_at) ?? tables.now) : Infinity,
    expiresAt: stillToCome(tables, job.expiresAt),
    leasedBy: null,
    fence: 0,
    orderingKey,
    orderingSeq,
  };
}

export const REPLAYS: Record<string, Modelled> = {
  lock_jobs: lockJobs,
  delivery_states: deliveryStates,
  supersede_retries: supersedeRetries,
  open_again: openAgain,
};
