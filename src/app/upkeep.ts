import { type INestApplicationContext } from '@nestjs/common';
import { SystemTransaction } from '../database/system-transaction';
import { type Logger } from '../observability/logger';
import { BulkOperations } from '../replay/operations';
import { DestinationTypes } from '../tenants/destination-types';
import { Upkeep } from '../upkeep/duty';
import { bulkOperations } from '../upkeep/bulk-operations';
import { deadLetters } from '../upkeep/dead-letters';
import { destinationTypes } from '../upkeep/destination-types';
import { expire } from '../upkeep/expire';
import { planHealthChecks, pruneHealthChecks } from '../upkeep/health-checks';
import { ordering } from '../upkeep/ordering';
import { partitions } from '../upkeep/partitions';
import { refresh } from '../upkeep/refresh';
import { rescue } from '../upkeep/rescue';
import { retention } from '../upkeep/retention';
import { retryPolicies } from '../upkeep/retry-policies';
import { signIns } from '../upkeep/sign-ins';
import { statistics } from '../upkeep/statistics';
import { type Configuration } from './configuration';
import { retryDefaults } from './retry-defaults';

/** The duties of a scheduler. */
export function createUpkeep(
  app: INestApplicationContext,
  configuration: Configuration,
  log: Logger,
): Upkeep {
  return new Upkeep(
    app.get(SystemTransaction),
    [
      rescue,
      expire,
      ordering,
      retryPolicies(retryDefaults(configuration), configuration.DISTRIBUTION_MAX_TIMEOUT),
      partitions,
      statistics,
      refresh,
      signIns,
      destinationTypes(app.get(DestinationTypes)),
      retention(configuration.RETENTION_MONTHS),
      deadLetters,
      bulkOperations(app.get(BulkOperations), (error, operation) =>
        log.error({ err: error, operation_id: operation }, 'bulk operation failed'),
      ),
      planHealthChecks(configuration.DESTINATION_HEALTH_CHECK_INTERVAL),
      pruneHealthChecks,
    ],
    (error, duty) => log.error({ err: error, duty }, 'duty failed'),
  );
}
