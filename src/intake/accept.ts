import { type Adapter, type Protocol } from '../adapters/port';
import { GroupCommit } from '../database/group-commit';
import { type TenantStatements, type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { type Clock } from '../kernel/clock';
import { ApiError, type Issue } from '../kernel/errors';
import { type BatchId, type JobId, type TenantId } from '../kernel/ids';
import { type DueLane } from '../kernel/priority';
import { type SecretBox } from '../kernel/secret-box';
import { orderingKeyOf } from '../planning/ordering';
import { dueLanes, type PlannedJob, storePlanned, storeUnordered } from '../planning/store';
import { type DataTypeBook } from '../tenants/data-type-book';
import { type DestinationCatalogue } from '../tenants/destination-catalogue';
import { type TenantDirectory } from '../tenants/tenant-directory';
import { type Content, contentOf, type ContentParts } from '../transforms/content';
import { AS_STORED, RELEASE_KEYS } from './accept.sql';
import { nameOf } from './destinations';
import { explainContents, type Explanation, explainPlan } from './explain';
import {
  batchCallbackIssues,
  type Circumstances,
  type Drafted,
  draftJob,
  type IntakeLimits,
  namesOf,
  planDrafted,
  type Prepared,
  type Submitted,
} from './prepare';
import {
  findRepeats,
  findTaken,
  isNamed,
  type Receipt,
  type Repeat,
  repeatOf,
  type TakenRow,
} from './repeats';
import { type Ruling, type Rulings } from './rulings';
import { type Submission } from './submission';

export type Acceptance =
  | { kind: 'accepted'; receipt: Receipt; jobId: JobId }
  | Repeat
  | { kind: 'conflict'; issue: Issue }
  | { kind: 'invalid'; issues: Issue[] };

export type Explained = { ok: true; explanation: Explanation } | { ok: false; issues: Issue[] };

export interface IntakeParts {
  tenants: TenantTransaction;
  catalogue: DestinationCatalogue;
  adapters: ReadonlyMap<Protocol, Adapter>;
  box: SecretBox;
  clock: Clock;
  limits: IntakeLimits;
  rulings: Rulings;
  contents: ContentParts;
  dataTypes: DataTypeBook;
  directory: TenantDirectory;
  /** Called after a commit that left something to deliver: a hint to the workers. */
  wake: (lanes: readonly DueLane[]) => void;
  count: SubmissionCounter;
}

/** What became of a submission that could be read, for the metrics. */
export type SubmissionCounter = (tenantId: TenantId, dataType: string, became: Acceptance['kind']) => void;

/** Beyond 100 a commit takes longer without storing more a second (docs/performance.md). */
const GROUPS = { mostTogether: 100, sideBySide: 2, paceMs: 6 };
/** One commit after the other, so that jobs are accepted in the order in which they came; few and large ones. */
const IN_ORDER = { mostTogether: 400, sideBySide: 1, paceMs: 0 };

/** Submission -> accepted job. Answers only after the job and its planned attempts are committed. */
export class Intake {
  private readonly commits: GroupCommit<PlannedJob, Acceptance>;
  private readonly commitsInOrder: GroupCommit<PlannedJob, Acceptance>;

  constructor(private readonly parts: IntakeParts) {
    const commit = (tenantId: TenantId, jobs: PlannedJob[]) => this.commit(tenantId, jobs);
    this.commits = new GroupCommit(GROUPS, commit);
    this.commitsInOrder = new GroupCommit(IN_ORDER, commit);
  }

  async submit(submission: Submission, circumstances: Circumstances): Promise<Acceptance> {
    const submitted = { submission, circumstances };
    const [prepared] = await this.prepare(circumstances.caller.tenantId, [submitted], undefined);
    return this.accept(submitted, prepared, this.commits);
  }

  /**
   * Several of one tenant, accepted in this order and, up to 400, in one commit; each has an outcome of its own.
   * Rejects where none of them can be prepared: the tenant may not submit, the database is not there.
   */
  async submitInOrder(
    tenantId: TenantId,
    submitted: readonly Submitted[],
  ): Promise<PromiseSettledResult<Acceptance>[]> {
    const prepared = await this.prepare(tenantId, submitted, undefined);
    return Promise.allSettled(
      submitted.map((one, position) => this.accept(one, prepared[position], this.commitsInOrder)),
    );
  }

  private async accept(
    { submission, circumstances }: Submitted,
    prepared: Prepared | undefined,
    commits: GroupCommit<PlannedJob, Acceptance>,
  ): Promise<Acceptance> {
    const { tenantId } = circumstances.caller;
    const acceptance =
      prepared?.ok === true
        ? await commits.submit(tenantId, prepared.job)
        : await this.repeatOrInvalid(submission, circumstances, prepared?.issues ?? []);
    this.parts.count(tenantId, submission.data_type, acceptance.kind);
    return acceptance;
  }

  private async repeatOrInvalid(
    submission: Submission,
    circumstances: Circumstances,
    issues: Issue[],
  ): Promise<Acceptance> {
    const [repeat] = await this.repeatsAmong([submission], circumstances);
    return repeat ?? { kind: 'invalid', issues };
  }

  /**
   * For what could not be accepted today: the first answer again where it was accepted before. Configuration may have
   * changed since, or the time that the submission names have passed; a repeat is a repeat all the same.
   */
  async repeatsAmong(
    submissions: readonly Submission[],
    { caller, idempotencyKey }: Circumstances,
  ): Promise<(Repeat | undefined)[]> {
    const named = submissions.map((submission) => namesOf(submission, idempotencyKey));
    if (!named.some(isNamed)) return [];
    return this.parts.tenants.run(caller.tenantId, (tx) => findRepeats(tx, named));
  }

  /** Resolves names, checks limits and plans, without writing anything. In the order of the submissions. */
  async prepare(
    tenantId: TenantId,
    submitted: readonly Submitted[],
    batchId: BatchId | undefined,
  ): Promise<Prepared[]> {
    const drafted = await this.draft(tenantId, submitted, batchId);
    const rulings = await this.rule(tenantId, drafted);
    let next = 0;
    return drafted.map((one) => {
      if (!one.ok) return one;
      const ruling = rulings?.[next++];
      return ruling?.ok === false ? ruling : planDrafted(one.job, ruling?.decision, this.parts.limits);
    });
  }

  /** What `submit` would make of it at this moment, and why; by the same steps, without the last one. */
  async explain(submission: Submission, circumstances: Circumstances): Promise<Explained> {
    const { tenantId } = circumstances.caller;
    const [drafted] = await this.draft(tenantId, [{ submission, circumstances }], undefined);
    if (drafted === undefined || !drafted.ok) return { ok: false, issues: drafted?.issues ?? [] };
    const [ruling] = (await this.rule(tenantId, [drafted])) ?? [];
    if (ruling?.ok === false) return ruling;
    const planned = planDrafted(drafted.job, ruling?.decision, this.parts.limits);
    if (!planned.ok) return planned;
    const contents = explainContents(
      await this.contentsOf(planned.job, submission),
      submission.options.compression,
    );
    return { ok: true, explanation: explainPlan(planned.job.plan, ruling?.ruled, contents) };
  }

  /** The payload takes the way through the database that it would take as a job: the very bytes are predicted. */
  private async contentsOf(
    { tenantId, dataType, plan }: PlannedJob,
    submission: Submission,
  ): Promise<Content[]> {
    const { tenants, catalogue, contents } = this.parts;
    const text = JSON.stringify(submission.payload);
    const [stored] = await tenants.run(tenantId, (tx) => tx.query<{ text: string }>(AS_STORED, [text]));
    const json = submission.options.encryption_required === true ? text : (stored?.text ?? text);
    const configurations = await catalogue.all(tenantId);
    return Promise.all(
      plan.deliveries.map((destination) => {
        const config =
          destination.destinationId === null
            ? undefined
            : configurations.get(destination.name)?.transform_config;
        return contentOf(contents, { tenant_id: tenantId, data_type: dataType, destination }, config, json);
      }),
    );
  }

  private async draft(
    tenantId: TenantId,
    submitted: readonly Submitted[],
    batchId: BatchId | undefined,
  ): Promise<Drafted[]> {
    const { catalogue, adapters, box, limits, clock } = this.parts;
    await this.refuseSuspended(tenantId);
    const dataTypes = await this.parts.dataTypes.of(tenantId);
    const names = new Set(submitted.flatMap(({ submission }) => submission.destinations.map(nameOf)));
    const known = names.size === 0 ? new Map() : await catalogue.byNames(tenantId, [...names]);
    const around = { tenantId, batchId, known, adapters, box, limits, dataTypes, now: clock.now() };
    return submitted.map((one) => draftJob(one, around));
  }

  /** Of the drafts that are in order; undefined where there are no rules. */
  private rule(tenantId: TenantId, drafted: readonly Drafted[]): Promise<Ruling[] | undefined> {
    const drafts = drafted.flatMap((one) =>
      one.ok ? [{ draft: one.job, maxAttempts: one.job.askedAttempts }] : [],
    );
    return this.parts.rulings.rule(tenantId, drafts);
  }

  private async refuseSuspended(tenantId: TenantId): Promise<void> {
    const status = await this.parts.directory.status(tenantId);
    if (status === 'active') return;
    throw new ApiError(
      'AUTHORIZATION_FAILED',
      `the tenant ${tenantId} is ${status ?? 'unknown'} and may not submit`,
    );
  }

  /** What is wrong with the callback of a whole batch. */
  callbackIssues(url: string | undefined): Issue[] {
    return batchCallbackIssues(this.parts.adapters, url);
  }

  private async commit(tenantId: TenantId, jobs: PlannedJob[]): Promise<Acceptance[]> {
    const { tenants } = this.parts;
    const acceptances = jobs.every(isPlain)
      ? await acceptPlain(tenants.each(tenantId), jobs)
      : await tenants.run(tenantId, (tx) => acceptJobs(tx, jobs));
    this.parts.wake(dueLanes(jobs));
    return acceptances;
  }
}

/** Storing it needs one statement only: no key of its own may have to be held, or taken back. */
const isPlain = ({ idempotencyKey, options }: PlannedJob): boolean =>
  idempotencyKey === undefined && orderingKeyOf(options) === undefined;

async function acceptPlain(statements: TenantStatements, jobs: PlannedJob[]): Promise<Acceptance[]> {
  const stored = await storeUnordered(statements, jobs);
  const lost = notIn(stored, jobs);
  return acceptancesOf(jobs, stored, lost.length === 0 ? NONE_TAKEN : await findTaken(statements, lost));
}

/** Stores what is new and finds what was there before, in the order of the jobs. */
export async function acceptJobs(tx: TenantTx, jobs: PlannedJob[]): Promise<Acceptance[]> {
  const stored = await storePlanned(tx, jobs);
  const lost = notIn(stored, jobs);
  return acceptancesOf(jobs, stored, lost.length === 0 ? NONE_TAKEN : await releaseAndFind(tx, lost));
}

const NONE_TAKEN: ReadonlyMap<JobId, TakenRow> = new Map();

const notIn = (stored: ReadonlyMap<JobId, Date>, jobs: PlannedJob[]): PlannedJob[] =>
  jobs.filter(({ id }) => !stored.has(id));

const acceptancesOf = (
  jobs: PlannedJob[],
  stored: ReadonlyMap<JobId, Date>,
  taken: ReadonlyMap<JobId, TakenRow>,
): Acceptance[] =>
  jobs.map((job) => {
    const acceptedAt = stored.get(job.id);
    if (acceptedAt !== undefined)
      return { kind: 'accepted', jobId: job.id, receipt: receiptOf(job, acceptedAt) };
    return repeatOrConflict(job, taken.get(job.id));
  });

/** Takes back the idempotency keys of jobs that were not accepted after all, because their name was taken. */
async function releaseAndFind(tx: TenantTx, lost: PlannedJob[]): Promise<Map<JobId, TakenRow>> {
  await tx.query(RELEASE_KEYS, [lost.map(({ id }) => id)]);
  return findTaken(tx, lost);
}

function repeatOrConflict(job: PlannedJob, taken: TakenRow | undefined): Acceptance {
  const repeat = repeatOf(job.requestHash, taken);
  if (repeat !== undefined) return repeat;
  const field = taken?.by_key === true ? 'options.idempotency_key' : 'distribution_id';
  const issue = 'was used before with another body; send the same body again or choose another value';
  return { kind: 'conflict', issue: { field, issue } };
}

const receiptOf = (job: PlannedJob, acceptedAt: Date): Receipt => ({
  distributionId: job.distributionId,
  acceptedAt,
  deliverAt: job.deliverAt ?? null,
  destinationsCount: job.plan.deliveries.length,
  callbackRegistered: job.callback !== undefined,
});
