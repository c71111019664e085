/** At most `requests` in any `perSeconds`. */
export interface RateLimit {
  requests: number;
  perSeconds: number;
}

/**
 * The bucket of a lane, as one moment: when it will be full again (the "theoretical arrival time" of GCRA, ITU-T
 * I.371). Times in milliseconds of one clock that does not jump. The start of time means a full bucket.
 */
export type FullAt = number;

/** Sends that may go at once: what comes in 50 ms, so that fast lanes are claimed in handfuls. */
const burstOf = ({ requests, perSeconds }: RateLimit): number =>
  Math.max(1, Math.floor((requests / perSeconds) * 0.05));

/** Between two sends: a burst and what follows it stay within `requests` in every window of `perSeconds`. */
const intervalOf = (limit: RateLimit): number =>
  (limit.perSeconds * 1000) / (limit.requests + 1 - burstOf(limit));

/** Sends that are allowed now. */
export function allowedNow(limit: RateLimit, fullAt: FullAt, now: number): number {
  const used = Math.max(0, fullAt - now) / intervalOf(limit);
  return Math.max(0, Math.floor(burstOf(limit) - used + 1e-9));
}

/** The bucket after so many sends. */
export const taken = (limit: RateLimit, fullAt: FullAt, sends: number, now: number): FullAt =>
  Math.max(fullAt, now) + sends * intervalOf(limit);

/** An empty bucket: what is assumed of a lane that another process served a moment ago. */
export const emptyAt = (limit: RateLimit, now: number): FullAt => now + burstOf(limit) * intervalOf(limit);

/** The moment from which one more is allowed. */
export const nextAllowedAt = (limit: RateLimit, fullAt: FullAt): number =>
  fullAt - (burstOf(limit) - 1) * intervalOf(limit);
