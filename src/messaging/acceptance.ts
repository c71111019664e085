import { setTimeout as pause } from 'node:timers/promises';
import { type ConfirmChannel } from 'amqplib';
import { uuidv7 } from 'uuidv7';
import { isSerializationFault, isUnavailable } from '../database/faults';
import { type Acceptance, type Intake } from '../intake/accept';
import { answerOf, type ReceiptAnswer } from '../intake/answer';
import { ApiError } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { type RateLimits } from '../limits/rate-limits';
import { bury, reply } from './answering';
import { type MessageReader, requestIdOf } from './reading';
import { type Incoming, type Readable } from './tenant-line';

export interface AcceptanceParts {
  reader: MessageReader;
  limits: RateLimits;
  intake: Intake;
  count: (became: 'accepted' | 'replayed' | 'refused') => void;
  /** Something that is nobody's refusal, and by what the sender finds it. */
  onFault: (error: unknown, requestId: string) => void;
}

/** What lasts as long as the session. */
export interface AcceptanceSession {
  publisher: ConfirmChannel;
  /** Aborted when nothing more is to be begun. */
  halt: AbortSignal;
  /** Whether a tenant has to wait for its limit. */
  slowed: (tenantId: TenantId, isSlowed: boolean) => void;
}

/** A limit may be raised meanwhile: it is noticed after this. */
const LONGEST_WAIT_S = 5;

/**
 * Messages of one tenant -> jobs, in their order, in as few commits as the tenant's limit allows. Each is acknowledged
 * when its job is committed, or when the dead queue has it.
 */
export class MessageAcceptance {
  constructor(
    private readonly parts: AcceptanceParts,
    private readonly session: AcceptanceSession,
  ) {}

  /** Those that may become jobs; the others are refused by then. Rejects where some have to be tried again. */
  async read(batch: readonly Incoming[]): Promise<Readable[]> {
    const readings = await Promise.allSettled(batch.map(({ message }) => this.parts.reader.read(message)));
    const faults = readings.flatMap((reading): unknown[] =>
      reading.status === 'rejected' ? [reading.reason] : [],
    );
    if (faults.some(isPassing)) throw faults.find(isPassing);
    const readable: Readable[] = [];
    for (const [position, incoming] of batch.entries()) {
      const reading = readings[position];
      if (reading?.status === 'fulfilled') readable.push({ incoming, submitted: reading.value });
      else await this.refuse(incoming, reading?.reason);
    }
    return readable;
  }

  /** Rejects where some have to be tried again. */
  async store(tenantId: TenantId, batch: readonly Readable[]): Promise<void> {
    const readable = [...batch];
    while (readable.length > 0) {
      try {
        const jobs = await this.admitted(tenantId, readable.length);
        this.session.slowed(tenantId, jobs < readable.length);
        await this.submit(tenantId, readable.splice(0, jobs));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        for (const { incoming } of readable.splice(0)) await this.refuse(incoming, error);
      }
    }
  }

  /** How many of so many the tenant's limit lets through at this moment; waits for at least one. */
  private async admitted(tenantId: TenantId, jobs: number): Promise<number> {
    for (let wanted = jobs; ;) {
      const taken = await this.parts.limits.takeSubmissions(tenantId, wanted);
      if (taken.kind === 'granted') return wanted;
      const most = taken.kind === 'too_many' ? taken.most : Math.max(1, taken.remaining);
      if (most < wanted) wanted = most;
      else if (taken.kind === 'refused') await this.wait(tenantId, taken.retryAfterSeconds);
    }
  }

  private async wait(tenantId: TenantId, seconds: number): Promise<void> {
    this.session.slowed(tenantId, true);
    const ms = Math.min(LONGEST_WAIT_S, seconds) * 1000;
    await pause(ms, undefined, { signal: this.session.halt, ref: false });
  }

  private async submit(tenantId: TenantId, readable: readonly Readable[]): Promise<void> {
    const outcomes = await this.outcomes(tenantId, readable);
    const faulty: { one: Readable; reason: unknown }[] = [];
    for (const [position, one] of readable.entries()) {
      const outcome = outcomes[position];
      if (outcome?.status === 'fulfilled') await this.answer(one.incoming, outcome.value);
      else faulty.push({ one, reason: outcome?.reason });
    }
    const passing = faulty.find(({ reason }) => isPassing(reason));
    if (passing !== undefined) throw passing.reason;
    for (const { one, reason } of faulty) {
      // Nobody knows whose fault it was among many; alone it is plain.
      if (isRefusal(reason) || readable.length === 1) await this.refuse(one.incoming, reason);
      else await this.submit(tenantId, [one]);
    }
  }

  private async outcomes(
    tenantId: TenantId,
    readable: readonly Readable[],
  ): Promise<PromiseSettledResult<Acceptance>[]> {
    const submitted = readable.map((one) => one.submitted);
    try {
      return await this.parts.intake.submitInOrder(tenantId, submitted);
    } catch (reason) {
      return readable.map(() => ({ status: 'rejected', reason }));
    }
  }

  private async answer(incoming: Incoming, acceptance: Acceptance): Promise<void> {
    let receipt: ReceiptAnswer;
    try {
      receipt = answerOf(acceptance);
    } catch (error) {
      return this.refuse(incoming, error);
    }
    reply(this.session.publisher, incoming.message, receipt);
    this.settle(incoming, receipt.idempotent_replay === true ? 'replayed' : 'accepted');
  }

  private async refuse(incoming: Incoming, reason: unknown): Promise<void> {
    const requestId = requestIdOf(incoming.message) ?? uuidv7();
    if (!(reason instanceof ApiError)) this.parts.onFault(reason, requestId);
    const error = reason instanceof ApiError ? reason : UNEXPECTED;
    await bury(this.session.publisher, incoming.message, error, requestId);
    this.settle(incoming, 'refused');
  }

  private settle(incoming: Incoming, became: 'accepted' | 'replayed' | 'refused'): void {
    incoming.settled = true;
    this.parts.count(became);
    incoming.acknowledge();
  }
}

const UNEXPECTED = new ApiError(
  'INTERNAL_ERROR',
  'something went wrong on our side; the request id finds it in the log',
);

/** May succeed at another time. */
const isPassing = (error: unknown): boolean =>
  isUnavailable(error) ||
  isSerializationFault(error) ||
  (error instanceof ApiError && error.code === 'SERVICE_UNAVAILABLE');

const isRefusal = (error: unknown): boolean => error instanceof ApiError && !isPassing(error);
