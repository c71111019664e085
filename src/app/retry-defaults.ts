import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../kernel/retry-policy';
import { type Configuration } from './configuration';

/** What holds where a destination says nothing else; no destination waits longer than its `maxBackoffSeconds`. */
export const retryDefaults = (configuration: Configuration): RetryPolicy => ({
  ...DEFAULT_RETRY_POLICY,
  maxAttempts: configuration.DISTRIBUTION_DEFAULT_RETRIES + 1,
  maxBackoffSeconds: configuration.DISTRIBUTION_MAX_BACKOFF,
});
