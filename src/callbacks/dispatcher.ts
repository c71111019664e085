import { type Outcome } from '../adapters/port';
import { type GroupCommit } from '../database/group-commit';
import { type CallbackId } from '../kernel/ids';
import { type CallbackMessage } from './body';
import { type ClaimedCallback } from './claim';
import { type CallbackResult, decideCallback } from './record';

export interface DispatcherParts<Claimed extends ClaimedCallback> {
  claim: (most: number) => Promise<Claimed[]>;
  /** On their way at the same time, at most. */
  mostAtOnce: number;
  messages: GroupCommit<ClaimedCallback, CallbackMessage | undefined>;
  /** The signal fires when it has been given back. */
  send: (claimed: Claimed, message: CallbackMessage, signal: AbortSignal) => Promise<Outcome>;
  release: (callbacks: CallbackId[]) => Promise<void>;
  recorder: GroupCommit<CallbackResult, CallbackResult>;
  onFault: (error: unknown) => void;
}

const POLL_MS = 100;

interface InFlight {
  done: Promise<void>;
  givenBack: AbortController;
}

/** Tells what became of jobs by one channel: claims due callbacks, sends them, records what happened. */
export class CallbackDispatcher<Claimed extends ClaimedCallback = ClaimedCallback> {
  private readonly inFlight = new Map<CallbackId, InFlight>();
  private loop: Promise<void> | undefined;
  private readonly stopping = new AbortController();
  private wakeUp: () => void = () => undefined;

  constructor(private readonly parts: DispatcherParts<Claimed>) {}

  start(): void {
    this.loop ??= this.run();
  }

  /** What is on its way may end within the grace time; the rest is given back, so that another node tells it at once. */
  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    this.wakeUp();
    await this.loop;
    const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([Promise.all([...this.inFlight.values()].map(({ done }) => done)), grace]);
    await this.parts.release([...this.inFlight.keys()]).catch(this.parts.onFault);
    for (const { givenBack } of this.inFlight.values()) givenBack.abort();
  }

  private async run(): Promise<void> {
    const { mostAtOnce } = this.parts;
    while (!this.stopping.signal.aborted) {
      const room = mostAtOnce - this.inFlight.size;
      const claimed = room > 0 ? await this.claim(room) : [];
      for (const callback of claimed) this.track(callback);
      if (room === 0 || claimed.length < room) await this.idle();
    }
  }

  private async claim(room: number): Promise<Claimed[]> {
    try {
      return await this.parts.claim(room);
    } catch (error) {
      this.parts.onFault(error);
      return [];
    }
  }

  private track(claimed: Claimed): void {
    const { mostAtOnce, onFault } = this.parts;
    const givenBack = new AbortController();
    const done = this.dispatch(claimed, givenBack.signal)
      .catch(onFault)
      .finally(() => {
        if (this.inFlight.size >= mostAtOnce) this.wakeUp();
        // Claimed again meanwhile, after its lease, it is the other claim's.
        if (this.inFlight.get(claimed.id) === entry) this.inFlight.delete(claimed.id);
      });
    const entry = { done, givenBack };
    this.inFlight.set(claimed.id, entry);
  }

  private idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.stopping.signal.aborted) this.wakeUp();
    });
  }

  private async dispatch(claimed: Claimed, signal: AbortSignal): Promise<void> {
    const { messages, send, recorder } = this.parts;
    const message = await messages.submit(claimed.tenant_id, claimed);
    if (signal.aborted) return;
    const outcome = message === undefined ? subjectGone() : await send(claimed, message, signal);
    // Another node tells it; the fence would refuse what came of it here.
    if (signal.aborted) return;
    await recorder.submit(claimed.tenant_id, decideCallback(claimed, outcome, Math.random()));
  }
}

export const refused = (message: string): Outcome => ({
  kind: 'refused',
  code: 'CONFIGURATION_INVALID',
  message,
  response: undefined,
  bytesSent: 0,
  log: [],
});

const subjectGone = (): Outcome => refused('the job or batch has left the history');
