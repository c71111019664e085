import { idleTimers, type Timers } from '../kernel/clock';

/** Deliveries that start within this time share a deadline, and with it a timer and a signal. */
const TICK_MS = 250;

/**
 * Signals that end attempts: with a TimeoutError when their time is over, with an AbortError when the service
 * stops. At thousands of attempts a second a controller and a timer for each would cost as much as signing.
 */
export class Deadlines {
  private readonly running = new Map<string, { controller: AbortController; takeBack: () => void }>();
  private stopped = false;

  constructor(private readonly timers: Timers = idleTimers) {}

  /** A signal that fires after `ms`, at most a tick later. */
  after(ms: number, now = this.timers.now()): AbortSignal {
    if (this.stopped) return AbortSignal.abort(stopping());
    const tick = Math.floor(now / TICK_MS);
    const key = `${tick}/${ms}`;
    const known = this.running.get(key);
    if (known !== undefined) return known.controller.signal;
    const controller = new AbortController();
    const takeBack = this.timers.after((tick + 1) * TICK_MS - now + ms, () => {
      this.running.delete(key);
      controller.abort(new DOMException(`no answer within ${ms / 1000} s`, 'TimeoutError'));
    });
    this.running.set(key, { controller, takeBack });
    return controller.signal;
  }

  /** The service stops: whoever is still waiting waits no longer. */
  stop(): void {
    this.stopped = true;
    for (const { controller, takeBack } of this.running.values()) {
      takeBack();
      controller.abort(stopping());
    }
    this.running.clear();
  }

  get isStopped(): boolean {
    return this.stopped;
  }
}

const stopping = (): DOMException => new DOMException('the service is stopping', 'AbortError');
