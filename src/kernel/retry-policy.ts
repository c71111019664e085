import { isJsonObject, type JsonObject } from './json';

/** How often and how patiently a delivery is repeated; delays in seconds. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  maxAttempts: number;
  initialDelaySeconds: number;
  backoffMultiplier: number;
  maxBackoffSeconds: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxAttempts: 4,
  initialDelaySeconds: 1,
  backoffMultiplier: 2,
  maxBackoffSeconds: 300,
};

/**
 * Seconds to wait after attempt number `attemptNumber` (1, 2, …) has failed: exponential with full jitter
 * ("Exponential Backoff And Jitter", AWS Architecture Blog), or what the receiver asked for in
 * `Retry-After`, never more than the policy's cap. `random` is in [0, 1).
 */
export function backoffSeconds(
  policy: RetryPolicy,
  attemptNumber: number,
  retryAfterSeconds: number | undefined,
  random: number,
): number {
  if (retryAfterSeconds !== undefined) return Math.min(retryAfterSeconds, policy.maxBackoffSeconds);
  const ceiling = policy.initialDelaySeconds * policy.backoffMultiplier ** (attemptNumber - 1);
  return Math.min(ceiling, policy.maxBackoffSeconds) * random;
}

/** What the configuration of a destination says of it. */
export function retryPolicyOf(configuration: JsonObject): Partial<RetryPolicy> {
  const policy = configuration['retry_policy'];
  if (!isJsonObject(policy)) return {};
  const number = (name: string): number | undefined => {
    const value = policy[name];
    return typeof value === 'number' ? value : undefined;
  };
  const entries: [keyof RetryPolicy, number | undefined][] = [
    ['maxAttempts', number('max_attempts')],
    ['initialDelaySeconds', number('initial_delay_seconds')],
    ['backoffMultiplier', number('backoff_multiplier')],
    ['maxBackoffSeconds', number('max_backoff_seconds')],
  ];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
