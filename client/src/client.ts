import { randomUUID } from 'node:crypto';
import { batchesOf, keyed } from './batches.js';
import { Destinations, Rules, Transforms } from './configuration.js';
import { DeadLetters, Statistics } from './operation.js';
import { type CallOptions, type ClientOptions, Transport } from './transport.js';
import {
  type Attempts,
  type AuditPage,
  type AuditQuery,
  type BatchReceipt,
  type BatchStatus,
  type BulkOperation,
  type BulkReplayRequest,
  type Callbacks,
  type Cancellation,
  type DryRun,
  type Events,
  type Identity,
  type Job,
  type JobPage,
  type JobQuery,
  type JobStatus,
  type Receipt,
  type Replay,
  type ReplayRequest,
  type Submission,
} from './types.js';
import { type WaitOptions, waitUntilOver } from './wait.js';

export interface SubmitOptions extends CallOptions {
  /** Of your own, when you may submit the same again after a crash. Where you give none, one is made for the retries. */
  idempotencyKey?: string | undefined;
}

export interface BatchOptions extends CallOptions {
  /** All or nothing. */
  failFast?: boolean | undefined;
  callbackUrl?: string | undefined;
}

export interface StreamOptions extends BatchOptions {
  /** Items in one request at most; 1,000 where it is not said. */
  batchSize?: number | undefined;
}

/** Jobs per page of `list`; it shows in nothing but the number of requests. */
const PAGE = 200;

const at = (id: string, action: string): string => `/distribution/${encodeURIComponent(id)}/${action}`;

/**
 * The service, as a program submits to it. Network faults, 502, 503, 504 and 429 are retried where a repeat is safe.
 * Every method throws ApiError for a refusal and ConnectionError when no answer comes.
 */
export class DistributorClient {
  readonly destinations: Destinations;
  readonly rules: Rules;
  readonly transforms: Transforms;
  readonly deadLetters: DeadLetters;
  readonly statistics: Statistics;
  private readonly transport: Transport;

  /** @throws TypeError for options that cannot work */
  constructor(options: ClientOptions) {
    this.transport = new Transport(options);
    this.destinations = new Destinations(this.transport);
    this.rules = new Rules(this.transport);
    this.transforms = new Transforms(this.transport);
    this.deadLetters = new DeadLetters(this.transport);
    this.statistics = new Statistics(this.transport);
  }

  /** Returns once the job is committed. The same again gives the first answer, with `idempotent_replay`. */
  submit(submission: Submission, { idempotencyKey, ...options }: SubmitOptions = {}): Promise<Receipt> {
    const hasOwn =
      submission.distribution_id !== undefined || submission.options?.idempotency_key !== undefined;
    const key = idempotencyKey ?? (hasOwn ? undefined : randomUUID());
    const call = { method: 'POST', path: '/distribution/submit', body: submission } as const;
    return this.transport.call({ ...call, idempotencyKey: key, repeatable: true }, options);
  }

  /**
   * At most 1,000, in one request and one transaction; what is refused stands in `rejected`.
   */
  submitMany(
    submissions: readonly Submission[],
    { failFast, callbackUrl, ...options }: BatchOptions = {},
  ): Promise<BatchReceipt> {
    const body = {
      distributions: submissions.map(keyed),
      options: { fail_fast: failFast, callback_url: callbackUrl },
    };
    const call = { method: 'POST', path: '/distribution/bulk-submit', body, repeatable: true } as const;
    return this.transport.call(call, options);
  }

  /**
   * As many as come, in batches one after the other, each as its receipt; `rejected[].index` counts from the first of all.
   * The source is read only as fast as the service accepts.
   */
  async *submitStream(
    submissions: Iterable<Submission> | AsyncIterable<Submission>,
    { failFast, callbackUrl, batchSize, ...options }: StreamOptions = {},
  ): AsyncGenerator<BatchReceipt> {
    const query = { fail_fast: failFast, callback_url: callbackUrl };
    for await (const { firstIndex, ndjson } of batchesOf(submissions, batchSize)) {
      const call = { method: 'POST', path: '/distribution/bulk-submit', query, ndjson } as const;
      const receipt = await this.transport.call<BatchReceipt>({ ...call, repeatable: true }, options);
      yield {
        ...receipt,
        rejected: receipt.rejected.map((one) => ({ ...one, index: one.index + firstIndex })),
      };
    }
  }

  status(distributionId: string, options?: CallOptions): Promise<JobStatus> {
    return this.transport.call({ method: 'GET', path: at(distributionId, 'status') }, options);
  }

  /** Every attempt with its log lines. */
  async attempts(distributionId: string, options?: CallOptions): Promise<Attempts['attempts']> {
    const call = { method: 'GET', path: at(distributionId, 'attempts') } as const;
    return (await this.transport.call<Attempts>(call, options)).attempts;
  }

  /** The job's transitions, in order, with actor and reason. */
  async events(distributionId: string, options?: CallOptions): Promise<Events['events']> {
    const call = { method: 'GET', path: at(distributionId, 'events') } as const;
    return (await this.transport.call<Events>(call, options)).events;
  }

  /** What the submitter was told of a job, and how often it took. */
  async callbacks(distributionId: string, options?: CallOptions): Promise<Callbacks['callbacks']> {
    const call = { method: 'GET', path: at(distributionId, 'callbacks') } as const;
    return (await this.transport.call<Callbacks>(call, options)).callbacks;
  }

  batchStatus(batchId: string, options?: CallOptions): Promise<BatchStatus> {
    const path = `/distribution/batch/${encodeURIComponent(batchId)}/status`;
    return this.transport.call({ method: 'GET', path }, options);
  }

  /**
   * Until the job is completed, failed or cancelled: look at `status`.
   * @throws WaitTimeoutError
   */
  waitFor(distributionId: string, options: WaitOptions = {}): Promise<JobStatus> {
    const look = () => this.status(distributionId, { signal: options.signal });
    return waitUntilOver(distributionId, look, ({ status }) => OVER.has(status), options);
  }

  /**
   * Until no job of the batch is open.
   * @throws WaitTimeoutError
   */
  waitForBatch(batchId: string, options: WaitOptions = {}): Promise<BatchStatus> {
    const look = () => this.batchStatus(batchId, { signal: options.signal });
    return waitUntilOver(batchId, look, ({ status }) => status === 'completed', options);
  }

  /** Every job that the filter finds, the newest first; `limit` is the size of a page. */
  async *list(filter: Omit<JobQuery, 'cursor' | 'offset'> = {}, options?: CallOptions): AsyncGenerator<Job> {
    for (let cursor: string | undefined; ;) {
      const page = await this.listPage({ limit: PAGE, ...filter, cursor }, options);
      yield* page.distributions;
      if (page.next_cursor === null) return;
      cursor = page.next_cursor;
    }
  }

  listPage(query: JobQuery = {}, options?: CallOptions): Promise<JobPage> {
    return this.transport.call({ method: 'GET', path: '/distribution/list', query }, options);
  }

  /** @throws ApiError CONFLICT when nothing is left to cancel */
  cancel(distributionId: string, options?: CallOptions): Promise<Cancellation> {
    return this.transport.call({ method: 'POST', path: at(distributionId, 'cancel') }, options);
  }

  /** Sends again what failed or was cancelled, under the same job and the same delivery ids. */
  replay(distributionId: string, request: ReplayRequest = {}, options?: CallOptions): Promise<Replay> {
    return this.transport.call(
      { method: 'POST', path: at(distributionId, 'replay'), body: request },
      options,
    );
  }

  /** Of every job that the filter finds; `operation` tells how far it is. */
  replayMany(request: Omit<BulkReplayRequest, 'dry_run'>, options?: CallOptions): Promise<BulkOperation> {
    return this.transport.call({ method: 'POST', path: '/distribution/replay', body: request }, options);
  }

  /** How many jobs `replayMany` would find. */
  countReplay(request: Omit<BulkReplayRequest, 'dry_run'>, options?: CallOptions): Promise<DryRun> {
    const body = { ...request, dry_run: true };
    return this.transport.call(
      { method: 'POST', path: '/distribution/replay', body, repeatable: true },
      options,
    );
  }

  operation(operationId: string, options?: CallOptions): Promise<BulkOperation> {
    const path = `/bulk-operations/${encodeURIComponent(operationId)}`;
    return this.transport.call({ method: 'GET', path }, options);
  }

  /** Whom the credential stands for, with which rights. */
  identity(options?: CallOptions): Promise<Identity> {
    return this.transport.call({ method: 'GET', path: '/auth/me' }, options);
  }

  /** Who changed what, the newest first. */
  auditPage(query: AuditQuery = {}, options?: CallOptions): Promise<AuditPage> {
    return this.transport.call({ method: 'GET', path: '/audit-log', query }, options);
  }
}

const OVER: ReadonlySet<JobStatus['status']> = new Set(['completed', 'failed', 'cancelled']);
