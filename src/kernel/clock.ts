/** The current time as an argument: decisions take `now`, only loops ask a clock. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** A clock that does not jump, and what happens by it: waits are not longer because somebody sets the time of day. */
export interface Timers {
  /** Milliseconds since a moment of no meaning. */
  now(): number;
  /** Returns what takes it back. */
  after(ms: number, then: () => void): () => void;
}

/** A process does not end before what it waits for has happened. */
export const systemTimers: Timers = timers((timer) => timer);

/** A process that has nothing else to do ends without them. */
export const idleTimers: Timers = timers((timer) => timer.unref());

function timers(kept: (timer: NodeJS.Timeout) => NodeJS.Timeout): Timers {
  return {
    now: () => performance.now(),
    after(ms, then) {
      const timer = kept(setTimeout(then, ms));
      return () => clearTimeout(timer);
    },
  };
}

export const pause = (timers: Timers, ms: number): Promise<void> =>
  new Promise((resolve) => {
    timers.after(ms, resolve);
  });
