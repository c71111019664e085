/** Deliveries that start within this time share a deadline, and with it a timer and a signal. */
const TICK_MS = 250;

/**
 * Signals that end attempts: with a TimeoutError when their time is over, with an AbortError when the service
 * stops. At thousands of attempts a second a controller and a timer for each would cost as much as signing.
 */
export class Deadlines {
  private readonly running = new Map<string, AbortController>();
  private stopped = false;

  /** A signal that fires after `ms`, at most a tick later. */
  after(ms: number, now = Date.now()): AbortSignal {
    const tick = Math.floor(now / TICK_MS);
    const key = `${tick}/${ms}`;
    const known = this.running.get(key);
    if (known !== undefined) return known.signal;
    const controller = new AbortController();
    this.running.set(key, controller);
    setTimeout(
      () => {
        this.running.delete(key);
        controller.abort(new DOMException(`no answer within ${ms / 1000} s`, 'TimeoutError'));
      },
      (tick + 1) * TICK_MS - now + ms,
    ).unref();
    if (this.stopped) controller.abort(stopping());
    return controller.signal;
  }

  /** The service stops: whoever is still waiting waits no longer. */
  stop(): void {
    this.stopped = true;
    for (const controller of this.running.values()) controller.abort(stopping());
  }

  get isStopped(): boolean {
    return this.stopped;
  }
}

const stopping = (): DOMException => new DOMException('the service is stopping', 'AbortError');
