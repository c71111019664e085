import { type DeliveryErrorCode } from '../adapters/port';

export type HealthStatus = 'healthy' | 'unhealthy' | 'unknown';

/** How a destination stands, and how many equal results led there. */
export interface Standing {
  status: HealthStatus;
  /** Checks that failed in a row, and that succeeded in a row; one of them is 0. */
  failures: number;
  successes: number;
}

/** A single lost packet does not move traffic, and a receiver that has just started is looked at twice. */
export const FAILURES_TO_UNHEALTHY = 3;
const SUCCESSES_TO_HEALTHY = 2;
/** While a result contradicts the status, the next look comes sooner. */
const CONFIRM_SECONDS = 5;
/** Counts go no further: nothing depends on it, and the column has an end. */
const MOST_COUNTED = 1_000_000;

/** The standing after one more check, and in how many seconds to look again. `random`: 0 to 1, spreads the checks. */
export function afterCheck(
  before: Standing,
  isHealthy: boolean,
  intervalSeconds: number,
  random: number,
): Standing & { nextInSeconds: number } {
  const failures = isHealthy ? 0 : Math.min(before.failures + 1, MOST_COUNTED);
  const successes = isHealthy ? Math.min(before.successes + 1, MOST_COUNTED) : 0;
  const status = statusAfter(before.status, failures, successes);
  const isSettled = status === (isHealthy ? 'healthy' : 'unhealthy');
  const nextInSeconds = isSettled
    ? intervalSeconds * (0.9 + 0.2 * random)
    : Math.min(intervalSeconds, CONFIRM_SECONDS);
  return { status, failures, successes, nextInSeconds };
}

function statusAfter(before: HealthStatus, failures: number, successes: number): HealthStatus {
  if (failures >= FAILURES_TO_UNHEALTHY) return 'unhealthy';
  if (successes >= SUCCESSES_TO_HEALTHY || (successes > 0 && before === 'unknown')) return 'healthy';
  return before;
}

/** What a delivery tells of its receiver's health; `other`: it answered, and did not like what it was given. */
export type Sign = 'success' | 'fault' | 'other';

/** Faults of the way or of the whole receiver, not of one delivery. */
const FAULTS: readonly string[] = [
  'CONNECTION_FAILED',
  'NAME_RESOLUTION_FAILED',
  'TLS_FAILED',
  'TIMEOUT',
  'RECEIVER_UNAVAILABLE',
] satisfies DeliveryErrorCode[];

export const signOf = (code: string): Sign => (FAULTS.includes(code) ? 'fault' : 'other');

/** What one process has seen of a destination's deliveries. */
export interface Run {
  faults: number;
  /** What it last wrote or found written, and until when it takes that for granted. */
  believed: 'healthy' | 'unhealthy' | undefined;
  until: number;
}

export const NEW_RUN: Run = { faults: 0, believed: undefined, until: 0 };

const FAULTS_TO_UNHEALTHY = 5;
/** Others may have written meanwhile: a busy destination costs one look-up in this time, not one per delivery. */
const BELIEVED_MS = 10_000;

/** The run after one more delivery, and what to write, where it says anything new. `now` in milliseconds. */
export function afterDelivery(
  { faults: before, believed, until }: Run,
  sign: Sign,
  now: number,
): { run: Run; write: 'healthy' | 'unhealthy' | undefined } {
  const faults = sign === 'fault' ? before + 1 : 0;
  const shown = sign === 'success' ? 'healthy' : faults >= FAULTS_TO_UNHEALTHY ? 'unhealthy' : undefined;
  if (shown === undefined || (shown === believed && now < until)) {
    return { run: { faults, believed, until }, write: undefined };
  }
  return { run: { faults, believed: shown, until: now + BELIEVED_MS }, write: shown };
}
