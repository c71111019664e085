import { setTimeout as pause } from 'node:timers/promises';
import { type ConsumeMessage } from 'amqplib';
import { type Submitted } from '../intake/prepare';
import { type TenantId } from '../kernel/ids';

/** A message of the queue that has been delivered to this process. */
export interface Incoming {
  readonly message: ConsumeMessage;
  /** Its job is committed, or the dead queue has it, and the broker has been told. */
  settled: boolean;
  acknowledge(): void;
}

/** A message that may become a job. */
export interface Readable {
  incoming: Incoming;
  submitted: Submitted;
}

export interface LineParts {
  /** Those that may become jobs; the others are settled. Rejects where some must be tried again. */
  read: (batch: readonly Incoming[]) => Promise<Readable[]>;
  /** Settles them, or rejects where some must be tried again, e.g. without a database. */
  store: (batch: readonly Readable[]) => Promise<void>;
  onFault: (error: unknown) => void;
  /** Nothing waits any more; a further message needs another line. */
  onEmpty: () => void;
  /** Aborted when nothing more is to be begun. */
  halt: AbortSignal;
}

/** As many as are stored in one commit (intake/accept.ts). */
const MOST_TOGETHER = 400;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;

/**
 * Some messages of one tenant in the order of the queue: the next ones are stored when those before them are settled,
 * and read meanwhile. Tenants do not wait for each other.
 */
export class TenantLine {
  private readonly waiting: Incoming[] = [];
  /** No longer waiting, and perhaps settled. */
  private taken: Incoming[] = [];
  private running: Promise<void> | undefined;

  constructor(
    readonly tenantId: TenantId | undefined,
    private readonly parts: LineParts,
  ) {}

  add(incoming: Incoming): void {
    this.waiting.push(incoming);
    this.running ??= this.run();
  }

  /** Messages in hand. */
  get length(): number {
    return this.waiting.length + this.taken.filter(isOpen).length;
  }

  /** Resolves when what is being stored has been; the rest stays with the broker. */
  async end(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    // Let all that has arrived come along.
    await new Promise((resolve) => setImmediate(resolve));
    for (let next = this.readNext(); next !== undefined; next ??= this.readNext()) {
      const batch = await next;
      next = this.readNext();
      await this.untilDone(() => this.parts.store(batch.filter(({ incoming }) => isOpen(incoming))));
      this.taken = this.taken.filter(isOpen);
    }
    this.parts.onEmpty();
  }

  /** Undefined where nothing waits. */
  private readNext(): Promise<Readable[]> | undefined {
    if (this.waiting.length === 0 || this.parts.halt.aborted) return undefined;
    const batch = this.waiting.splice(0, MOST_TOGETHER);
    this.taken.push(...batch);
    return this.untilDone(() => this.parts.read(batch.filter(isOpen))).then((read) => read ?? []);
  }

  /** Again after each failure; undefined where it was halted. */
  private async untilDone<T>(step: () => Promise<T>): Promise<T | undefined> {
    const { onFault, halt } = this.parts;
    for (let failures = 0; !halt.aborted; failures++) {
      try {
        return await step();
      } catch (error) {
        if (halt.aborted) return undefined;
        onFault(error);
        const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
        await pause(delay, undefined, { signal: halt, ref: false }).catch(() => undefined);
      }
    }
    return undefined;
  }
}

const isOpen = ({ settled }: Incoming): boolean => !settled;
