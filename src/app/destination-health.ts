import { type Provider } from '@nestjs/common';
import { SystemTransaction } from '../database/system-transaction';
import { DestinationTrials } from '../delivery/trial';
import { DeliveryHealth } from '../health/follow-deliveries';
import { HealthHistory } from '../health/history';
import { type Logger } from '../observability/logger';
import { Metrics } from '../observability/metrics';
import { DestinationCatalogue } from '../tenants/destination-catalogue';
import { Destinations } from '../tenants/destinations';
import { HealthCheckRounds } from '../upkeep/health-checks';
import { type Configuration } from './configuration';
import { made } from './made';
import { Outward } from './outward';
import { Transforming } from './transforms';

/** Who is told of each outcome once it is recorded. */
export class OutcomeReaders {
  constructor(
    readonly destinations: Destinations,
    readonly deliveryHealth: DeliveryHealth,
    readonly metrics: Metrics,
  ) {}
}

/** Scheduled checks, what deliveries tell, tests, and their history. */
export function destinationHealthProviders(configuration: Configuration, log: Logger): Provider[] {
  const env = { allowed: configuration.DESTINATION_ENV_ALLOWLIST, values: process.env };
  const changed = (about: object, status: string, message: string): void =>
    log[status === 'unhealthy' ? 'warn' : 'info'](
      { ...about, health_status: status, message },
      'health changed',
    );
  return [
    made(
      DeliveryHealth,
      [Outward, DestinationCatalogue],
      ({ tenants }, catalogue) =>
        new DeliveryHealth({
          tenants,
          now: Date.now,
          onChange: ({ tenantId, destinationId, message }, status) => {
            catalogue.forget(tenantId);
            changed(
              { tenant_id: tenantId, destination_id: destinationId, source: 'delivery' },
              status,
              message,
            );
          },
          onFault: (error) => log.error({ err: error }, 'delivery health fault'),
        }),
    ),
    made(
      HealthCheckRounds,
      [SystemTransaction, Outward, DestinationCatalogue],
      (system, { tenants, adapters, box }, catalogue) =>
        new HealthCheckRounds({
          system,
          tenants,
          adapters,
          box,
          env,
          defaultIntervalSeconds: configuration.DESTINATION_HEALTH_CHECK_INTERVAL,
          random: Math.random,
          onRecorded: ({ tenant_id, id, name }, { message }, { status, isChanged }) => {
            if (!isChanged) return;
            catalogue.forget(tenant_id);
            changed({ tenant_id, destination_id: id, destination: name, source: 'check' }, status, message);
          },
          onFault: (error) => log.error({ err: error }, 'health check fault'),
        }),
    ),
    made(
      DestinationTrials,
      [Outward, Transforming],
      ({ adapters, box, signingSecrets }, { transforms, transformer }) =>
        new DestinationTrials({ adapters, box, env, signingSecrets, transforms, transformer }),
    ),
    made(
      OutcomeReaders,
      [Destinations, DeliveryHealth, Metrics],
      (...readers) => new OutcomeReaders(...readers),
    ),
    made(HealthHistory, [Outward], ({ tenants }) => new HealthHistory(tenants)),
  ];
}
