import { type DeliveryErrorCode, type Outcome } from '../adapters/port';
import { backoffSeconds, type RetryPolicy } from '../kernel/retry-policy';

/** Why a delivery ended without an attempt, or an attempt could not be made; see docs/errors.md. */
export const UNSENT_CODES = [
  'EXPIRED',
  'DESTINATION_GONE',
  'DESTINATION_INACTIVE',
  'TRANSFORMATION_FAILED',
  'INTERNAL_ERROR',
] as const;
export type UnsentCode = (typeof UNSENT_CODES)[number];

export type AttemptErrorCode = DeliveryErrorCode | UnsentCode;

/** What becomes of a delivery after an attempt, or instead of one. */
export type Decision =
  | { kind: 'succeed' }
  | {
      kind: 'retry';
      afterSeconds: number;
      code: AttemptErrorCode;
      message: string;
      /** The receiver said so (Retry-After), not the policy. */
      retryAfterSeconds?: number | undefined;
    }
  | { kind: 'fail'; code: AttemptErrorCode; message: string; exhausted: boolean }
  | { kind: 'cancel' };

/** Of what was not sent before its job expired. */
export const EXPIRED = {
  kind: 'fail',
  code: 'EXPIRED',
  message: 'the job expired before this destination took it',
  exhausted: false,
} as const satisfies Decision;

/**
 * What an outcome means for the delivery: finish, try again after a while, or give up.
 * `random` is in [0, 1).
 */
export function decide(
  outcome: Outcome,
  attemptNumber: number,
  policy: RetryPolicy,
  random: number,
): Decision {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'succeed' };
    case 'refused':
      return { kind: 'fail', code: outcome.code, message: outcome.message, exhausted: false };
    case 'retry': {
      const { code, message } = outcome;
      if (attemptNumber >= policy.maxAttempts) return { kind: 'fail', code, message, exhausted: true };
      const { retryAfterSeconds } = outcome;
      const afterSeconds = backoffSeconds(policy, attemptNumber, retryAfterSeconds, random);
      return { kind: 'retry', afterSeconds, code, message, retryAfterSeconds };
    }
  }
}

/** `options.max_retries` n = at most n + 1 attempts; an inline or a destination's own policy says how patiently. */
export function effectivePolicy(
  own: Partial<RetryPolicy>,
  plannedAttempts: number | null,
  fallback: RetryPolicy,
): RetryPolicy {
  const policy = { ...fallback, ...own };
  return {
    ...policy,
    maxAttempts: plannedAttempts ?? policy.maxAttempts,
    maxBackoffSeconds: Math.min(policy.maxBackoffSeconds, fallback.maxBackoffSeconds),
  };
}
