import { type Answer, type ReceiptReply, type TestTenant } from '../../support/api';
import { type JsonObject } from '../../../src/kernel/json';
import { eventually } from '../../support/eventually';
import { type Book } from './book';
import { type Ledger } from './ledger';

export interface Submitted {
  distribution_id: string;
  payload: JsonObject;
  destinations: string[];
  options: JsonObject;
}

export interface LoadOptions {
  tenant: TestTenant;
  jobs: number;
  /** Names of registered destinations; every job goes to all of them. */
  destinations: string[];
  /** Submitters side by side. */
  submitters?: number;
  /** Jobs a second over all submitters; as fast as the service takes them where it is not given. */
  perSecond?: number;
  /** Jobs are named `<prefix>-<number>`. */
  prefix?: string;
  /** As in a submission. */
  options?: JsonObject;
  /** Characters of filling in each payload. */
  bytes?: number;
  /** In place of the plain request; where it throws, the submission has failed and is repeated. */
  submit?: (submission: Submitted) => Promise<Pick<ReceiptReply, 'idempotent_replay'>>;
}

/** A refused or broken request is made again this much later, with the same id. */
const AGAIN_MS = 100;

/**
 * Submitters as they should be: each repeats its job, under the same id, until it is acknowledged. What a fault does
 * to them stands in `refusals` and `broken`.
 */
export class Load {
  /** Acknowledged so far. */
  acknowledged = 0;
  /** Answers that were no acknowledgement, by status. */
  readonly refusals = new Map<number, number>();
  /** Jobs that were found to be there already: committed, though an earlier request for them had failed. */
  repeated = 0;
  /** Requests without an answer. */
  broken = 0;
  /** Milliseconds since the epoch at which each job was to be submitted. */
  private readonly dueAt = new Map<string, number>();
  readonly done: Promise<void>;
  private next = 0;
  private stopped = false;
  private abandoned = false;
  private readonly started = performance.now();

  constructor(
    private readonly options: LoadOptions,
    private readonly book: Book,
  ) {
    this.done = Promise.all(Array.from({ length: options.submitters ?? 8 }, () => this.submitMany())).then(
      () => undefined,
    );
    // Whoever awaits `done` later is told; until then nobody has to listen.
    this.done.catch(() => undefined);
  }

  /** Milliseconds from the moment at which each job was to be submitted until it first came to one of these places. */
  latencies(ledger: Ledger, places: string[]): number[] {
    return places
      .flatMap((place) => ledger.at(place))
      .flatMap(({ distributionId, arrivals: [first] }) => {
        const due = this.dueAt.get(distributionId);
        return due === undefined || first === undefined ? [] : [first.at - due];
      });
  }

  /** Requests that were refused or broken. */
  get failures(): number {
    return [...this.refusals.values()].reduce((sum, count) => sum + count, this.broken);
  }

  /** Until so many jobs are acknowledged. */
  reaches(acknowledged: number, withinMs = 60_000): Promise<void> {
    return eventually({ until: `${acknowledged} acknowledged jobs`, withinMs, everyMs: 10 }, () => {
      expect(this.acknowledged).toBeGreaterThanOrEqual(acknowledged);
    });
  }

  /** Until submitters have met the fault so often. */
  fails(times: number, withinMs = 60_000): Promise<void> {
    return eventually({ until: `${times} refused or broken requests`, withinMs, everyMs: 10 }, () => {
      expect(this.failures).toBeGreaterThanOrEqual(times);
    });
  }

  /** Submits no further job; what is not acknowledged yet is still repeated until it is. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  /** The scenario is over: whoever is not acknowledged yet no longer hopes for it. */
  abandon(): void {
    this.stopped = true;
    this.abandoned = true;
  }

  private async submitMany(): Promise<void> {
    while (this.next < this.options.jobs && !this.stopped) {
      const number = this.next++;
      const { perSecond } = this.options;
      const id = `${this.options.prefix ?? 'job'}-${number}`;
      const due = perSecond === undefined ? performance.now() : this.started + (number * 1000) / perSecond;
      await pause(due - performance.now());
      this.dueAt.set(id, performance.timeOrigin + due);
      await this.submit(id, number);
    }
  }

  private async submit(id: string, number: number): Promise<void> {
    const { tenant, destinations, options = {}, bytes = 0 } = this.options;
    while (!this.abandoned) {
      const answer = await this.ask({
        distribution_id: id,
        payload: { number, filling: 'x'.repeat(bytes) },
        destinations,
        options,
      });
      if (answer?.status === 202 || answer?.status === 200) {
        this.acknowledged++;
        if (answer.body.idempotent_replay === true) this.repeated++;
        this.book.acknowledged(tenant.id, id, destinations.length);
        return;
      }
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) {
        throw new Error(`${id} was refused with ${answer.status}: ${JSON.stringify(answer.body)}`);
      }
      await pause(AGAIN_MS);
    }
  }

  private async ask(
    submission: Submitted,
  ): Promise<Pick<Answer<Partial<ReceiptReply>>, 'status' | 'body'> | undefined> {
    const { tenant, submit } = this.options;
    try {
      if (submit !== undefined) return { status: 202, body: await submit(submission) };
      const answer = await tenant.api.submit({ ...submission });
      if (answer.status >= 300) this.refusals.set(answer.status, (this.refusals.get(answer.status) ?? 0) + 1);
      return answer;
    } catch {
      this.broken++;
      return undefined;
    }
  }
}

const pause = (ms: number): Promise<void> =>
  ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
