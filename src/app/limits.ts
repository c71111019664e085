import { type Provider } from '@nestjs/common';
import { SystemTransaction } from '../database/system-transaction';
import { systemClock } from '../kernel/clock';
import { leaseFrom } from '../limits/lease';
import { RateLimits } from '../limits/rate-limits';
import { type Logger } from '../observability/logger';
import { type DefaultLimits } from '../tenants/platform';
import { type Configuration } from './configuration';
import { made } from './made';

export const limitsProvider = ({ API_KEY_RATE_LIMIT_REQUESTS }: Configuration, log: Logger): Provider =>
  made(RateLimits, [SystemTransaction], (system) => {
    const onFault = (error: unknown): void => log.warn({ err: error }, 'tokens could not be given back');
    return new RateLimits(leaseFrom(system, API_KEY_RATE_LIMIT_REQUESTS), systemClock, onFault);
  });

export const defaultLimits = (configuration: Configuration): DefaultLimits => ({
  rate_limit_requests: configuration.RATE_LIMIT_REQUESTS,
  rate_limit_window_seconds: configuration.RATE_LIMIT_WINDOW_SECONDS,
  burst_limit: configuration.BURST_LIMIT,
});
