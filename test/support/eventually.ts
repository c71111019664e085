export interface Patience {
  /** What is waited for, as it stands in the failure. */
  until: string;
  withinMs?: number;
  everyMs?: number;
}

/**
 * Polls until `check` no longer throws, and gives what it returns: for conditions that nobody signals. Fails with the
 * last refusal, so that a test says what it saw and not only that time was up.
 */
export async function eventually<T>(
  { until, withinMs = 15_000, everyMs = 25 }: Patience,
  check: () => Promise<T> | T,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= deadline) throw givenUp(until, withinMs, error);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function givenUp(until: string, withinMs: number, cause: unknown): Error {
  const last = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${until}: not within ${withinMs} ms. Last seen: ${last}`, { cause });
}

/** A promise that must settle within a time, with a failure that says what was waited for. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
