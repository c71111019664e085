/** A signal's end in two kinds: `TimeoutError` when its time ran out, `AbortError` for whatever else. */
export function endedBy(signal: AbortSignal): Error {
  const reason = signal.reason as { name?: unknown } | undefined;
  const error = new Error('The attempt was ended', { cause: reason });
  error.name = reason?.name === 'TimeoutError' ? 'TimeoutError' : 'AbortError';
  return error;
}
