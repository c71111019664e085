import { setMaxListeners } from 'node:events';

/** A signal's end in two kinds: `TimeoutError` when its time ran out, `AbortError` for whatever else. */
export function endedBy(signal: AbortSignal): Error {
  const reason = signal.reason as { name?: unknown } | undefined;
  const error = new Error('The attempt was ended', { cause: reason });
  error.name = reason?.name === 'TimeoutError' ? 'TimeoutError' : 'AbortError';
  return error;
}

/** What comes first: the end of `work`, or of the signal (rejects with `endedBy`); `work` itself goes on. */
export function untilEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(endedBy(signal));
    if (signal.aborted) stop();
    // One signal may serve a whole batch of deliveries.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Fires when the last of them has: work for several goes on as long as anybody waits for it. */
export function untilAllEnded(signals: readonly AbortSignal[]): AbortSignal {
  const distinct = [...new Set(signals)];
  const [only] = distinct;
  if (distinct.length === 1 && only !== undefined) return only;
  const controller = new AbortController();
  let left = distinct.length;
  for (const signal of distinct) {
    const fired = (): void => {
      if (--left === 0) controller.abort(signal.reason);
    };
    setMaxListeners(0, signal);
    if (signal.aborted) fired();
    else signal.addEventListener('abort', fired, { once: true });
  }
  return controller.signal;
}
