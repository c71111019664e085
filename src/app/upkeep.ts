import { type INestApplicationContext } from '@nestjs/common';
import { Erasures } from '../data-protection/erasures';
import { SystemTransaction } from '../database/system-transaction';
import { Expiries } from '../delivery/expiries';
import { SqlRequests } from '../intake/sql-requests';
import { type Logger } from '../observability/logger';
import { BulkOperations } from '../replay/operations';
import { DestinationTypes } from '../tenants/destination-types';
import { Upkeep } from '../upkeep/duty';
import { bulkOperations } from '../upkeep/bulk-operations';
import { deadLetters } from '../upkeep/dead-letters';
import { destinationTypes } from '../upkeep/destination-types';
import { erasures } from '../upkeep/erasures';
import { expire } from '../upkeep/expire';
import { planHealthChecks, pruneHealthChecks } from '../upkeep/health-checks';
import { lanes } from '../upkeep/lanes';
import { ordering } from '../upkeep/ordering';
import { partitions } from '../upkeep/partitions';
import { refresh } from '../upkeep/refresh';
import { rescue } from '../upkeep/rescue';
import { retention } from '../upkeep/retention';
import { retryPolicies } from '../upkeep/retry-policies';
import { signIns } from '../upkeep/sign-ins';
import { pruneSqlRequests, sqlRequests } from '../upkeep/sql-requests';
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
      expire(app.get(Expiries)),
      ordering(),
      lanes,
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
      erasures(app.get(Erasures), (error, erasure) =>
        log.error({ err: error, erasure_id: erasure }, 'erasure failed'),
      ),
      sqlRequests(app.get(SqlRequests), (error, tenant) =>
        log.error({ err: error, tenant_id: tenant }, 'sql requests failed'),
      ),
      pruneSqlRequests,
      planHealthChecks(configuration.DESTINATION_HEALTH_CHECK_INTERVAL),
      pruneHealthChecks,
    ],
    (error, duty) => log.error({ err: error, duty }, 'duty failed'),
  );
}
