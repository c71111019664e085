import { type Provider } from '@nestjs/common';
import { TenantTransaction } from '../database/tenant-transaction';
import { Cancellations } from '../delivery/cancel';
import { Intake } from '../intake/accept';
import { SqlRequests } from '../intake/sql-requests';
import { RateLimits } from '../limits/rate-limits';
import { type Configuration } from './configuration';
import { made } from './made';

export const sqlRequestsProvider = (configuration: Configuration): Provider =>
  made(
    SqlRequests,
    [Intake, TenantTransaction, Cancellations, RateLimits],
    (intake, tenants, cancellations, limits) =>
      new SqlRequests({
        intake,
        tenants,
        cancel: (...which) => cancellations.cancel(...which),
        admit: async (tenantId, most) => {
          const wanted = Math.min(most, await limits.remaining(tenantId));
          if (wanted === 0) return 0;
          return (await limits.takeSubmissions(tenantId, wanted)).kind === 'granted' ? wanted : 0;
        },
        mostBytes: configuration.API_MAX_REQUEST_SIZE,
        maxDepth: configuration.API_MAX_DEPTH,
      }),
  );
