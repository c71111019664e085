export interface RetryPolicy {
  /** Of one call, the first one included. */
  maxAttempts: number;
  /** Before the second attempt at most; doubled before each further one. */
  initialDelayMs: number;
  /** No wait is longer; an answer that asks for a longer one is handed to the caller. */
  maxDelayMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 5, initialDelayMs: 250, maxDelayMs: 30_000 };

/** Why an attempt failed: `status` is undefined where no answer came. */
export interface Fault {
  status: number | undefined;
  retryAfterMs: number | undefined;
}

/** Between the client and the service, or the service itself for a moment: the same again may pass. */
const PASSING = new Set([502, 503, 504]);
const TOO_MANY = 429;

/** Another address of the service may answer. */
export const isOfAddress = ({ status }: Fault): boolean => status === undefined || PASSING.has(status);

/**
 * Milliseconds until the next attempt; undefined = do not try again. A 429 says that nothing was done, so anything may
 * be repeated after it; after other faults only what is `repeatable`, for the service may have done it already. Between
 * two addresses there is no wait, only after each of them was tried.
 */
export function delayAfter(
  fault: Fault,
  attempt: number,
  repeatable: boolean,
  policy: RetryPolicy,
  addresses = 1,
  random: () => number = Math.random,
): number | undefined {
  if (attempt >= policy.maxAttempts) return undefined;
  const { status, retryAfterMs } = fault;
  const mayPass = status === TOO_MANY || (repeatable && isOfAddress(fault));
  if (!mayPass) return undefined;
  if (status !== TOO_MANY && attempt % addresses !== 0) return 0;
  const round = Math.ceil(attempt / addresses);
  if (retryAfterMs !== undefined) return retryAfterMs <= policy.maxDelayMs ? retryAfterMs : undefined;
  return random() * Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** (round - 1));
}

/** `Retry-After`: seconds, or an HTTP date. */
export function retryAfterMs(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
