import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { type Issue } from '../kernel/errors';
import { type BatchId, newId } from '../kernel/ids';
import { type DueLane } from '../kernel/priority';
import { dueLanes, type PlannedJob } from '../planning/store';
import { type Acceptance, acceptJobs, type Intake, type SubmissionCounter } from './accept';
import { FIND_SAME_BATCH, STORE_BATCH } from './accept-batch.sql';
import { type Circumstances, type Prepared } from './prepare';
import { type Repeat } from './repeats';
import { type BulkOptions, parseBody, type Submission, submissionSchema } from './submission';

export interface Rejection {
  index: number;
  error: 'VALIDATION_ERROR' | 'CONFLICT' | 'AUTHORIZATION_FAILED';
  details: Issue[];
}

export interface BatchReceipt {
  batchId: BatchId;
  total: number;
  distributionIds: string[];
  rejected: Rejection[];
}

/**
 * `replayed`: the very batch was accepted before, and this is its receipt; `refused`: the caller asked for all or
 * nothing, and something was wrong; `invalid`: the batch itself is wrong. Only `accepted` has written something.
 */
export type BatchAcceptance =
  | { kind: 'accepted'; receipt: BatchReceipt }
  | { kind: 'replayed'; receipt: BatchReceipt }
  | { kind: 'refused'; rejected: Rejection[] }
  | { kind: 'invalid'; issues: Issue[] };

export interface BatchParts {
  intake: Intake;
  tenants: TenantTransaction;
  wake: (lanes: readonly DueLane[]) => void;
  count: SubmissionCounter;
}

/** One item of a batch: a body to be checked, or what was wrong with it before that (an NDJSON line). */
export type BatchItem = { body: unknown } | { rejection: Omit<Rejection, 'index'> };

interface Checked {
  index: number;
  result: { submission: Submission } | { rejection: Rejection };
}

interface Sorted {
  jobs: { index: number; job: PlannedJob }[];
  /** Earlier jobs, of submissions that would not be accepted any more. */
  repeated: Repeat[];
  rejected: Rejection[];
}

/** Many submissions in one transaction: the batch, its jobs and their attempts appear together. */
export class BatchIntake {
  constructor(private readonly parts: BatchParts) {}

  async submit(
    items: readonly BatchItem[],
    options: BulkOptions,
    circumstances: Circumstances,
  ): Promise<BatchAcceptance> {
    const issues = this.parts.intake.callbackIssues(options.callback_url);
    if (issues.length > 0) return { kind: 'invalid', issues };
    const batchId = newId<BatchId>();
    const checked = items.map((item, index) => check(item, index, circumstances));
    const rejected = checked.flatMap(({ result }) => ('rejection' in result ? [result.rejection] : []));
    const valid = checked.flatMap(({ index, result }) =>
      'rejection' in result ? [] : [{ index, submission: result.submission }],
    );
    const ofItem = { ...circumstances, idempotencyKey: undefined };
    const prepared = await this.parts.intake.prepare(
      circumstances.caller.tenantId,
      valid.map(({ submission }) => ({ submission, circumstances: ofItem })),
      batchId,
    );
    const sorted = await this.sorted(valid, prepared, circumstances);
    rejected.push(...sorted.rejected);
    if (options.fail_fast === true && rejected.length > 0) return { kind: 'refused', rejected };
    return this.commit(batchId, items.length, { ...sorted, rejected }, options, circumstances);
  }

  /** What can be stored, what was accepted before, and what is refused. */
  private async sorted(
    valid: readonly { index: number; submission: Submission }[],
    prepared: readonly Prepared[],
    circumstances: Circumstances,
  ): Promise<Sorted> {
    const sorted: Sorted = { jobs: [], repeated: [], rejected: [] };
    const refused: { index: number; submission: Submission; issues: Issue[] }[] = [];
    valid.forEach(({ index, submission }, position) => {
      const outcome = prepared[position];
      if (outcome?.ok === true) sorted.jobs.push({ index, job: outcome.job });
      else refused.push({ index, submission, issues: outcome?.issues ?? [] });
    });
    const submissions = refused.map(({ submission }) => submission);
    const repeats = await this.parts.intake.repeatsAmong(submissions, {
      ...circumstances,
      idempotencyKey: undefined,
    });
    refused.forEach(({ index, issues }, position) => {
      const repeat = repeats[position];
      if (repeat === undefined) sorted.rejected.push({ index, error: 'VALIDATION_ERROR', details: issues });
      else sorted.repeated.push(repeat);
    });
    return sorted;
  }

  private async commit(
    batchId: BatchId,
    total: number,
    { jobs, repeated, rejected }: Sorted,
    options: BulkOptions,
    { caller }: Circumstances,
  ): Promise<BatchAcceptance> {
    let acceptances: Acceptance[] = [];
    const attempt = async (tx: TenantTx): Promise<BatchAcceptance> => {
      acceptances = await acceptJobs(
        tx,
        jobs.map(({ job }) => job),
      );
      const outcome = outcomeOf(batchId, total, jobs, acceptances, rejected);
      outcome.distributionIds.push(...repeated.map(({ receipt }) => receipt.distributionId));
      if (options.fail_fast === true && outcome.rejected.length > 0) throw new AllOrNothing(outcome.rejected);
      const earlier = await findSame(tx, outcome, [...repeated, ...acceptances], options);
      if (earlier !== undefined) return { kind: 'replayed', receipt: { ...outcome, batchId: earlier } };
      const open = jobs.filter(({ job }, position) => isOpen(job, acceptances[position])).length;
      tx.last(STORE_BATCH, [
        tx.tenantId,
        batchId,
        total,
        outcome.distributionIds.length,
        open,
        options.callback_url ?? null,
      ]);
      return { kind: 'accepted', receipt: outcome };
    };
    try {
      const acceptance = await this.parts.tenants.run(caller.tenantId, attempt);
      jobs.forEach(({ job }, position) =>
        this.parts.count(caller.tenantId, job.dataType, acceptances[position]?.kind ?? 'accepted'),
      );
      this.parts.wake(dueLanes(jobs.map(({ job }) => job)));
      return acceptance;
    } catch (error) {
      if (error instanceof AllOrNothing) return { kind: 'refused', rejected: error.rejected };
      throw error;
    }
  }
}

/** Sent again after a lost answer, a batch is the one that it was: nothing in it is new, and all came in that one. */
async function findSame(
  tx: TenantTx,
  { total, distributionIds }: BatchReceipt,
  acceptances: readonly Acceptance[],
  options: BulkOptions,
): Promise<BatchId | undefined> {
  const batches = new Set(acceptances.map((one) => (one.kind === 'replayed' ? one.batchId : undefined)));
  batches.delete(undefined);
  const [batchId] = batches;
  const isAllOfIt = batches.size === 1 && acceptances.every(({ kind }) => kind !== 'accepted');
  if (batchId == null || !isAllOfIt) return undefined;
  const callback = options.callback_url ?? null;
  const [same] = await tx.query<{ id: BatchId }>(FIND_SAME_BATCH, [
    batchId,
    total,
    distributionIds.length,
    callback,
  ]);
  return same?.id;
}

/** Rolls the transaction back; never leaves this file. */
class AllOrNothing extends Error {
  constructor(readonly rejected: Rejection[]) {
    super('all or nothing');
  }
}

const isOpen = (job: PlannedJob, acceptance: Acceptance | undefined): boolean =>
  acceptance?.kind === 'accepted' && job.plan.deliveries.length > 0;

function check(item: BatchItem, index: number, { caller }: Circumstances): Checked {
  if ('rejection' in item) return { index, result: { rejection: { index, ...item.rejection } } };
  const parsed = parseBody(submissionSchema, item.body);
  if (!parsed.ok) {
    return { index, result: { rejection: { index, error: 'VALIDATION_ERROR', details: parsed.issues } } };
  }
  if (parsed.value.tenant_id !== undefined && parsed.value.tenant_id !== caller.tenantId) {
    const details = [{ field: 'tenant_id', issue: 'is not the tenant of your key' }];
    return { index, result: { rejection: { index, error: 'AUTHORIZATION_FAILED', details } } };
  }
  return { index, result: { submission: parsed.value } };
}

function outcomeOf(
  batchId: BatchId,
  total: number,
  jobs: { index: number }[],
  acceptances: Acceptance[],
  rejectedBefore: Rejection[],
): BatchReceipt {
  const rejected = [...rejectedBefore];
  const distributionIds: string[] = [];
  acceptances.forEach((acceptance, position) => {
    const index = jobs[position]?.index ?? position;
    if (acceptance.kind === 'conflict')
      rejected.push({ index, error: 'CONFLICT', details: [acceptance.issue] });
    else if (acceptance.kind === 'invalid')
      rejected.push({ index, error: 'VALIDATION_ERROR', details: acceptance.issues });
    else distributionIds.push(acceptance.receipt.distributionId);
  });
  rejected.sort((one, other) => one.index - other.index);
  return { batchId, total, distributionIds, rejected };
}
