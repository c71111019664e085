/**
 * Keeps a lane whose destination fails from being tried in vain. Times are milliseconds of one clock.
 *
 * closed      everything may go; counts consecutive failures
 * open        nothing goes until `probeAt`
 * half_open   one probe goes, and no second one before its outcome
 * recovering  the probe succeeded: `pace` may be in flight together, twice as many after as many successes
 */
export type Breaker =
  | { state: 'closed'; failures: number }
  | { state: 'open'; failures: number; probeAt: number }
  | { state: 'half_open'; failures: number }
  | { state: 'recovering'; failures: number; pace: number; successes: number };

export type BreakerState = Breaker['state'];

/** What an attempt says of its destination. Faults of our own and unsent deliveries say nothing: `unknown`. */
export type Verdict = 'alive' | 'faulty' | 'unknown';

export interface BreakerSettings {
  /** Consecutive failures that open it. */
  threshold: number;
  /** From opening to the first probe. */
  recoveryMs: number;
}

export const AT_REST: Breaker = { state: 'closed', failures: 0 };
export const FIRST_PACE = 2;
/** Beyond this pace it is closed. */
const LAST_PACE = 64;

/** In flight together, at most. */
export function allowance(breaker: Breaker): number {
  switch (breaker.state) {
    case 'closed':
      return Number.POSITIVE_INFINITY;
    case 'open':
      return 0;
    case 'half_open':
      return 1;
    case 'recovering':
      return breaker.pace;
  }
}

/** After an attempt. What was sent before it opened and ends now does not move it. */
export function judged(
  breaker: Breaker,
  verdict: Verdict,
  { threshold, recoveryMs }: BreakerSettings,
  now: number,
): Breaker {
  if (verdict === 'unknown' || breaker.state === 'open') return breaker;
  if (verdict === 'alive') return succeeded(breaker);
  const failures = breaker.failures + 1;
  if (breaker.state === 'half_open' || failures >= threshold)
    return { state: 'open', failures, probeAt: now + recoveryMs };
  return { ...breaker, failures };
}

function succeeded(breaker: Exclude<Breaker, { state: 'open' }>): Breaker {
  if (breaker.state === 'closed') return breaker.failures === 0 ? breaker : AT_REST;
  if (breaker.state === 'half_open')
    return { state: 'recovering', failures: 0, pace: FIRST_PACE, successes: 0 };
  const successes = breaker.successes + 1;
  if (successes < breaker.pace) return { ...breaker, failures: 0, successes };
  if (breaker.pace >= LAST_PACE) return AT_REST;
  return { state: 'recovering', failures: 0, pace: breaker.pace * 2, successes: 0 };
}

/** Open, and its time has come: one probe may go. */
export function probing(breaker: Breaker, now: number): Breaker {
  if (breaker.state !== 'open' || breaker.probeAt > now) return breaker;
  return { state: 'half_open', failures: breaker.failures };
}
