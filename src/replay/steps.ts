import { type Condition, whereOf } from '../database/conditions';
import { type TenantTx } from '../database/tenant-transaction';
import { type DeadLetterId, type JobId } from '../kernel/ids';
import { jobConditions } from '../tracking/list';
import { type Wish } from './choose';
import { letterConditions } from './dead-letters';
import { type OperationRow } from './order';
import { DISCARD_LETTERS } from './operations.sql';
import { isMoved, replayJobs } from './replay';

/** What one step of a bulk operation did. */
export interface Step {
  position: string | undefined;
  nextDueAt: Date;
  /** Jobs of a replay, dead letters of a redrive or discard. */
  examined: number;
  /** Deliveries that were put into the queue, dead letters that were discarded. */
  done: number;
  /** Deliveries that were left as they are, and jobs that are being cancelled or have left the history. */
  skipped: number;
  isLast: boolean;
}

const MOST_JOBS = 50;
const MOST_LETTERS = 200;

type ReplayOperation = Extract<OperationRow, { kind: 'replay' }>;
type LetterOperation = Extract<OperationRow, { kind: 'redrive' | 'discard' }>;

/** The next handful, in the order of ids, which is that of time. */
export function stepOf(tx: TenantTx, operation: OperationRow, startAt: Date): Promise<Step> {
  switch (operation.kind) {
    case 'replay':
      return replayStep(tx, operation, startAt);
    case 'redrive':
      return redriveStep(tx, operation, startAt);
    case 'discard':
      return discardStep(tx, operation, startAt);
  }
}

async function replayStep(tx: TenantTx, operation: ReplayOperation, startAt: Date): Promise<Step> {
  const { filter, only_failed: onlyFailed } = operation.selection;
  const conditions: Condition[] = [
    ...jobConditions(filter),
    [operation.position ?? undefined, 'j.id > ?::uuid'],
    [operation.id, 'j.id < ?::uuid'],
  ];
  const ids = await firstIds<JobId>(tx, 'distribution_jobs j', 'j.id', conditions, MOST_JOBS);
  const destinations = filter.destination === undefined ? undefined : [filter.destination];
  const done = await replayAll(tx, operation, startAt, ids, () => ({ destinations, onlyFailed }));
  return { ...done, position: ids.at(-1), examined: ids.length, isLast: ids.length < MOST_JOBS };
}

type Letter = { distribution_job_id: JobId; destination_name: string };

const LETTERS = {
  name: 'letters_by_id',
  text: `SELECT distribution_job_id, destination_name FROM dead_letters WHERE id = ANY ($1::uuid[])`,
};

async function redriveStep(tx: TenantTx, operation: LetterOperation, startAt: Date): Promise<Step> {
  const ids = await nextLetters(tx, operation);
  const named = new Map<JobId, string[]>();
  for (const { distribution_job_id: job, destination_name } of await tx.query<Letter>(LETTERS, [ids])) {
    named.set(job, [...(named.get(job) ?? []), destination_name]);
  }
  const wish = (job: JobId): Wish => ({ destinations: named.get(job), onlyFailed: true, onlyDead: true });
  const done = await replayAll(tx, operation, startAt, [...named.keys()], wish);
  return { ...done, position: ids.at(-1), examined: ids.length, isLast: ids.length < MOST_LETTERS };
}

async function discardStep(tx: TenantTx, operation: LetterOperation, nextDueAt: Date): Promise<Step> {
  const ids = await nextLetters(tx, operation);
  const discarded = await tx.query(DISCARD_LETTERS, [ids, operation.reason, operation.created_by]);
  return {
    position: ids.at(-1),
    nextDueAt,
    examined: ids.length,
    done: discarded.length,
    skipped: ids.length - discarded.length,
    isLast: ids.length < MOST_LETTERS,
  };
}

const nextLetters = (tx: TenantTx, { selection, position, id }: LetterOperation): Promise<DeadLetterId[]> => {
  const conditions: Condition[] = [
    ...letterConditions('filter' in selection ? selection.filter : {}),
    'ids' in selection ? [selection.ids, 'l.id = ANY (?::uuid[])'] : [id, 'l.id < ?::uuid'],
    [position ?? undefined, 'l.id > ?::uuid'],
    ['dead', 'l.status = ?'],
  ];
  return firstIds<DeadLetterId>(tx, 'dead_letters l', 'l.id', conditions, MOST_LETTERS);
};

async function firstIds<Id extends string>(
  { manager }: TenantTx,
  from: string,
  id: string,
  conditions: Condition[],
  most: number,
): Promise<Id[]> {
  const { where, values } = whereOf(conditions, 2);
  const rows = await manager.query<{ id: Id }[]>(
    `SELECT ${id} FROM ${from} WHERE ${where} ORDER BY ${id} LIMIT $1`,
    [most, ...values],
  );
  return rows.map((row) => row.id);
}

/** The deliveries become due one after the other, at the rate of the operation. */
async function replayAll(
  tx: TenantTx,
  { created_by: actor, reason, rate_per_second }: OperationRow,
  startAt: Date,
  jobs: readonly JobId[],
  wish: (job: JobId) => Wish,
): Promise<Pick<Step, 'nextDueAt' | 'done' | 'skipped'>> {
  let at = startAt.getTime();
  const nextDueAt = (): Date => {
    const due = new Date(at);
    at += 1000 / rate_per_second;
    return due;
  };
  const answers = await replayJobs(tx, jobs, { actor, reason: reason ?? undefined, wish, nextDueAt });
  const deliveries = [...answers.values()].flatMap((job) => (job.kind === 'replayed' ? job.deliveries : []));
  const done = deliveries.filter(({ choice }) => isMoved(choice)).length;
  const untouched = jobs.filter((job) => answers.get(job)?.kind !== 'replayed').length;
  return { nextDueAt: new Date(at), done, skipped: deliveries.length - done + untouched };
}
