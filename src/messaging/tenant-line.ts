import { setTimeout as pause } from 'node:timers/promises';
import { type ConsumeMessage } from 'amqplib';
import { type TenantId } from '../kernel/ids';

/** A message of the queue that has been delivered to this process. */
export interface Incoming {
  readonly message: ConsumeMessage;
  /** Its job is committed, or the dead queue has it, and the broker has been told. */
  settled: boolean;
  acknowledge(): void;
}

export interface LineParts {
  /** Settles these messages, or rejects where some must be tried again, e.g. without a database. */
  handle: (batch: readonly Incoming[]) => Promise<void>;
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
 * Some messages of one tenant in the order of the queue: the next ones are handled when those before them are settled.
 * Tenants do not wait for each other.
 */
export class TenantLine {
  private readonly waiting: Incoming[] = [];
  private handled: readonly Incoming[] = [];
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
    return this.waiting.length + this.handled.filter(({ settled }) => !settled).length;
  }

  /** Resolves when what is being handled has been; the rest stays with the broker. */
  async end(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    // Let all that has arrived come along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0 && !this.parts.halt.aborted) {
      this.handled = this.waiting.splice(0, MOST_TOGETHER);
      await this.settle(this.handled);
    }
    this.parts.onEmpty();
  }

  private async settle(batch: readonly Incoming[]): Promise<void> {
    const { handle, onFault, halt } = this.parts;
    for (let failures = 0; !halt.aborted; failures++) {
      const open = batch.filter(({ settled }) => !settled);
      if (open.length === 0) return;
      try {
        await handle(open);
      } catch (error) {
        if (halt.aborted) return;
        onFault(error);
        const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
        await pause(delay, undefined, { signal: halt, ref: false }).catch(() => undefined);
      }
    }
  }
}
