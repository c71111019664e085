import { type AttemptRow, type JobRow, type ReadyRow, type Tables } from './tables';
import { type Modelled, unnest } from './values';

export interface Outcome {
  delivery_id: string;
  fence: number;
  job_id: string;
  attempt_id: string;
  result: AttemptRow['status'];
  started_at: Date | null;
  completed_at: Date;
  status_code: number | null;
  response_body: string | null;
  error_code: string | null;
  error_message: string | null;
  delay_seconds: number | null;
  next_attempt_id: string | null;
}

const COLUMNS: (keyof Outcome)[] = [
  'delivery_id',
  'fence',
  'job_id',
  'attempt_id',
  'result',
  'started_at',
  'completed_at',
  'status_code',
  'response_body',
  'error_code',
  'error_message',
  'delay_seconds',
  'next_attempt_id',
];

/** What a worker says of its deliveries. */
export const outcomesOf = (values: readonly unknown[]): Outcome[] => unnest<Outcome>(values, 2, COLUMNS);

/** An outcome under a lease that was lost is refused: fence and attempt, as in `settled` and `again`. */
const isOurs = (row: ReadyRow, outcome: Pick<Outcome, 'attempt_id' | 'fence'>): boolean =>
  row.attemptId === outcome.attempt_id && row.fence === outcome.fence && row.leasedBy !== null;

const recordOutcomes: Modelled = (tables, values) => {
  const accepted = outcomesOf(values).flatMap((outcome) => {
    const row = tables.ready.get(outcome.delivery_id);
    if (row === undefined || !isOurs(row, outcome)) return [];
    const cancelling = tables.job(outcome.job_id).cancelRequestedAt !== null;
    if (outcome.result === 'retry' && !cancelling) return [{ outcome, result: again(tables, row, outcome) }];
    return [{ outcome, result: settled(tables, row, outcome) }];
  });
  const tallies = new Map<string, { settled: number; failed: number }>();
  for (const { outcome, result } of accepted) {
    const tally = tallies.get(outcome.job_id) ?? { settled: 0, failed: 0 };
    tallies.set(outcome.job_id, tally);
    if (result !== 'retry') tally.settled++;
    if (result === 'failed') tally.failed++;
  }
  for (const [id, tally] of tallies) count(tables, tables.job(id), tally);
  return accepted.map(({ outcome }) => ({ delivery_id: outcome.delivery_id }));
};

function again(tables: Tables, row: ReadyRow, outcome: Outcome): 'retry' {
  complete(tables, outcome, 'retry');
  row.attemptId = outcome.next_attempt_id ?? '';
  row.attemptNumber++;
  row.rank |= 1;
  row.leasedBy = null;
  row.dueAt = tables.after(outcome.delay_seconds ?? 0);
  const attempt = tables.attempts.get(outcome.attempt_id);
  if (attempt !== undefined) attempt.nextAttemptAt = row.dueAt;
  planAttempt(tables, row);
  return 'retry';
}

function settled(tables: Tables, row: ReadyRow, outcome: Outcome): AttemptRow['status'] {
  const result = outcome.result === 'retry' ? 'failed' : outcome.result;
  tables.ready.delete(row.deliveryId);
  complete(tables, outcome, result);
  if (result !== 'failed') return result;
  tables.letters.push({ deliveryId: row.deliveryId, jobId: row.jobId, status: 'dead' });
  const destination = tables.destinations.get(row.laneId);
  if (row.orderingKey === null || destination === undefined || destination.deletedAt !== null) return result;
  if (!wantsBlocks(destination.configuration) || tables.blocks.has(row.deliveryId)) return result;
  const { tenantId, deliveryId, laneId, orderingKey } = row;
  tables.blocks.set(deliveryId, {
    tenantId,
    deliveryId,
    laneId,
    orderingKey,
    orderingSeq: row.orderingSeq ?? 0,
  });
  return result;
}

export const wantsBlocks = (configuration: Record<string, unknown>): boolean =>
  (configuration['ordering'] as { on_failure?: string } | undefined)?.on_failure === 'block';

function complete(tables: Tables, outcome: Outcome, status: AttemptRow['status']): void {
  const attempt = tables.attempts.get(outcome.attempt_id);
  if (attempt === undefined) throw new Error(`no attempt ${outcome.attempt_id}`);
  attempt.status = status;
  attempt.errorCode = outcome.error_code;
  attempt.errorMessage = outcome.error_message;
  attempt.wasSent = outcome.started_at !== null;
}

export function planAttempt(tables: Tables, row: Omit<ReadyRow, 'dueAt' | 'rank'>): void {
  tables.attempts.set(row.attemptId, {
    id: row.attemptId,
    jobId: row.jobId,
    deliveryId: row.deliveryId,
    destinationName: row.destinationName,
    attemptNumber: row.attemptNumber,
    status: 'pending',
    errorCode: null,
    errorMessage: null,
    nextAttemptAt: null,
    wasSent: false,
  });
}

function count(tables: Tables, job: JobRow, tally: { settled: number; failed: number }): void {
  job.openDeliveries -= tally.settled;
  job.failedDeliveries += tally.failed;
  job.completedAt = job.openDeliveries === 0 ? tables.now : null;
  if (job.openDeliveries > 0) job.status = 'processing';
  else if (job.cancelRequestedAt !== null) job.status = 'cancelled';
  else job.status = job.failedDeliveries > 0 ? 'failed' : 'completed';
}

export const RECORDS: Record<string, Modelled> = { record_outcomes: recordOutcomes };
