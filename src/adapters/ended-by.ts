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
