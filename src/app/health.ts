import { type SystemTransaction } from '../database/system-transaction';
import { type Claims } from '../delivery/claim';
import { type DeliveryWorker } from '../delivery/worker';
import { HealthChecks } from '../http/health-checks';
import { systemClock } from '../kernel/clock';
import { type Messaging } from './messaging';

interface HealthSources {
  system: SystemTransaction;
  claims: Claims;
  worker: DeliveryWorker;
  messaging: Messaging;
  version: string;
  concurrency: number;
}

const PING = { name: 'ping', text: 'SELECT 1 AS one' };

type DestinationHealth = { healthy: number; unhealthy: number; unknown: number };

const DESTINATION_HEALTH = {
  name: 'destination_health',
  text: `
    SELECT count(*) FILTER (WHERE health_status = 'healthy')::int AS healthy,
      count(*) FILTER (WHERE health_status = 'unhealthy')::int AS unhealthy,
      count(*) FILTER (WHERE health_status = 'unknown')::int AS unknown
    FROM destinations WHERE deleted_at IS NULL`,
};

export const healthChecks = ({
  system,
  claims,
  worker,
  messaging,
  version,
  concurrency,
}: HealthSources): HealthChecks =>
  new HealthChecks({
    version,
    clock: systemClock,
    pingDatabase: () => system.query(PING, []),
    queueDepth: () => claims.depth(),
    workers: () => ({ active: worker.active, concurrency }),
    destinations: () => destinationHealth(system),
    broker: () => messaging.state,
  });

/** Of all tenants. */
export async function destinationHealth(system: SystemTransaction): Promise<DestinationHealth> {
  const [row] = await system.query<DestinationHealth>(DESTINATION_HEALTH, []);
  return row ?? { healthy: 0, unhealthy: 0, unknown: 0 };
}
