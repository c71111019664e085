import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { createAdapters } from '../adapters/registry';
import { NetworkGuard } from '../adapters/network-guard';
import { type Adapter, type Protocol } from '../adapters/port';
import { Senders } from '../adapters/senders';
import { CallbackClaims } from '../callbacks/claim';
import { CallbackDispatcher } from '../callbacks/dispatcher';
import { callbackRecorder } from '../callbacks/record';
import { type SessionUrls } from '../database/roles';
import { SystemTransaction } from '../database/system-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { WakeUps } from '../database/wake-ups';
import { Cancellations } from '../delivery/cancel';
import { Claims } from '../delivery/claim';
import { DeliveryWorker } from '../delivery/worker';
import { AccessGuard } from '../http/access.guard';
import {
  ApiKeysController,
  DestinationsController,
  DestinationTypesController,
  SigningSecretsController,
} from '../http/configuration.controllers';
import { DistributionController } from '../http/distribution.controller';
import { HealthChecks } from '../http/health-checks';
import { HealthController } from '../http/health.controller';
import { TenantsController } from '../http/platform.controller';
import { HttpSettings } from '../http/settings';
import { Intake, type SubmissionCounter } from '../intake/accept';
import { BatchIntake } from '../intake/accept-batch';
import { systemClock } from '../kernel/clock';
import { type NodeId } from '../kernel/ids';
import { SecretBox } from '../kernel/secret-box';
import { type Logger } from '../observability/logger';
import { Metrics } from '../observability/metrics';
import { withoutRules } from '../planning/plan';
import { ApiKeys } from '../tenants/api-keys';
import { DestinationCatalogue } from '../tenants/destination-catalogue';
import { DestinationTypes } from '../tenants/destination-types';
import { Destinations } from '../tenants/destinations';
import { KeyLookup } from '../tenants/key-lookup';
import { Platform } from '../tenants/platform';
import { SigningSecrets } from '../tenants/signing-secrets';
import { JobList } from '../tracking/list';
import { Tracking } from '../tracking/tracking';
import { type Configuration } from './configuration';
import { DatabaseModule } from './database.module';
import { createWorker } from './worker';

/** What the composition needs to know beside the configuration. */
export interface ServiceContext {
  configuration: Configuration;
  sessions: SessionUrls;
  encryptionKeys: readonly string[];
  node: NodeId;
  version: string;
  log: Logger;
}

/** Distributions in one bulk-submit (contract). */
const MOST_IN_A_BATCH = 1000;

/** The parts of every role, by hand: who is made of what is read here and nowhere else. */
@Module({})
export class ServiceModule {
  static compose(context: ServiceContext): DynamicModule {
    const { configuration, sessions } = context;
    const api = configuration.ROLE === 'api' || configuration.ROLE === 'all';
    return {
      module: ServiceModule,
      imports: [DatabaseModule.forSessions(sessions, configuration.DB_POOL_SIZE)],
      controllers: [HealthController, ...(api ? API_CONTROLLERS : [])],
      providers: [
        { provide: APP_GUARD, useClass: AccessGuard },
        ...sharedProviders(context),
        healthProvider(context),
        ...administrationProviders(),
        ...intakeProviders(context),
        ...deliveryProviders(context),
      ],
    };
  }
}

const API_CONTROLLERS = [
  DistributionController,
  DestinationsController,
  DestinationTypesController,
  ApiKeysController,
  SigningSecretsController,
  TenantsController,
];

const ADAPTERS = Symbol('adapters');
type Adapters = ReadonlyMap<Protocol, Adapter>;

function sharedProviders({ configuration, encryptionKeys, version }: ServiceContext): Provider[] {
  const { API_MAX_REQUEST_SIZE, API_MAX_DEPTH } = configuration;
  const guard = new NetworkGuard(configuration.DESTINATION_ALLOWED_NETWORKS);
  return [
    { provide: SecretBox, useValue: new SecretBox(encryptionKeys) },
    { provide: ADAPTERS, useValue: createAdapters({ guard, version }) },
    { provide: Senders, useValue: new Senders() },
    { provide: Metrics, useValue: new Metrics() },
    {
      provide: HttpSettings,
      useValue: new HttpSettings(API_MAX_REQUEST_SIZE, API_MAX_DEPTH, MOST_IN_A_BATCH),
    },
  ];
}

function healthProvider({ configuration, version }: ServiceContext): Provider {
  return {
    provide: HealthChecks,
    inject: [SystemTransaction, Claims, DeliveryWorker],
    useFactory: (system: SystemTransaction, claims: Claims, worker: DeliveryWorker) =>
      new HealthChecks({
        version,
        clock: systemClock,
        pingDatabase: () => system.query({ name: 'ping', text: 'SELECT 1 AS one' }, []),
        queueDepth: () => claims.depth(),
        workers: () => ({ active: worker.active, concurrency: configuration.WORKER_CONCURRENCY }),
        destinations: () => destinationHealth(system),
      }),
  };
}

async function destinationHealth(system: SystemTransaction): Promise<DestinationHealth> {
  const [row] = await system.query<DestinationHealth>(DESTINATION_HEALTH, []);
  return row ?? { healthy: 0, unhealthy: 0, unknown: 0 };
}

type DestinationHealth = { healthy: number; unhealthy: number; unknown: number };

const DESTINATION_HEALTH = {
  name: 'destination_health',
  text: `
    SELECT count(*) FILTER (WHERE health_status = 'healthy')::int AS healthy,
      count(*) FILTER (WHERE health_status = 'unhealthy')::int AS unhealthy,
      count(*) FILTER (WHERE health_status = 'unknown')::int AS unknown
    FROM destinations WHERE deleted_at IS NULL`,
};

function administrationProviders(): Provider[] {
  return [
    {
      provide: KeyLookup,
      inject: [SystemTransaction, SecretBox],
      useFactory: (system: SystemTransaction, box: SecretBox) => new KeyLookup(system, box, systemClock),
    },
    {
      provide: ApiKeys,
      inject: [TenantTransaction, SecretBox, KeyLookup],
      useFactory: (tenants: TenantTransaction, box: SecretBox, keys: KeyLookup) =>
        new ApiKeys(tenants, box, () => keys.forgetAll()),
    },
    {
      provide: SigningSecrets,
      inject: [TenantTransaction, SecretBox],
      useFactory: (tenants: TenantTransaction, box: SecretBox) =>
        new SigningSecrets(tenants, box, systemClock),
    },
    {
      provide: Platform,
      inject: [TenantTransaction, SystemTransaction, SigningSecrets, SecretBox, KeyLookup],
      useFactory: (
        tenants: TenantTransaction,
        system: SystemTransaction,
        signingSecrets: SigningSecrets,
        box: SecretBox,
        keys: KeyLookup,
      ) => new Platform({ tenants, system, signingSecrets, box, onChange: () => keys.forgetAll() }),
    },
    {
      provide: DestinationCatalogue,
      inject: [TenantTransaction],
      useFactory: (tenants: TenantTransaction) => new DestinationCatalogue(tenants, systemClock),
    },
    {
      provide: Destinations,
      inject: [TenantTransaction, DestinationCatalogue, ADAPTERS, SecretBox],
      useFactory: (
        tenants: TenantTransaction,
        catalogue: DestinationCatalogue,
        adapters: Adapters,
        box: SecretBox,
      ) => new Destinations({ tenants, catalogue, adapters, box }),
    },
    {
      provide: DestinationTypes,
      inject: [ADAPTERS],
      useFactory: (adapters: Adapters) => new DestinationTypes(adapters),
    },
  ];
}

function intakeProviders({ configuration }: ServiceContext): Provider[] {
  const limits = {
    maxDestinations: configuration.MAX_DESTINATIONS_PER_JOB,
    maxTimeoutSeconds: configuration.DISTRIBUTION_MAX_TIMEOUT,
    maxRetries: configuration.DISTRIBUTION_MAX_RETRIES,
    defaultRetries: configuration.DISTRIBUTION_DEFAULT_RETRIES,
  };
  return [
    wakeProvider,
    {
      provide: Intake,
      inject: [TenantTransaction, DestinationCatalogue, ADAPTERS, SecretBox, WAKE, Metrics],
      useFactory: (
        tenants: TenantTransaction,
        catalogue: DestinationCatalogue,
        adapters: Adapters,
        box: SecretBox,
        wake: () => void,
        metrics: Metrics,
      ) =>
        new Intake({
          tenants,
          catalogue,
          adapters,
          box,
          clock: systemClock,
          limits,
          evaluate: withoutRules,
          wake,
          count: countIn(metrics),
        }),
    },
    {
      provide: BatchIntake,
      inject: [Intake, TenantTransaction, WAKE, Metrics],
      useFactory: (intake: Intake, tenants: TenantTransaction, wake: () => void, metrics: Metrics) =>
        new BatchIntake({ intake, tenants, wake, count: countIn(metrics) }),
    },
    {
      provide: Tracking,
      inject: [TenantTransaction],
      useFactory: (tenants: TenantTransaction) => new Tracking(tenants),
    },
    {
      provide: JobList,
      inject: [TenantTransaction],
      useFactory: (tenants: TenantTransaction) => new JobList(tenants),
    },
    {
      provide: Cancellations,
      inject: [TenantTransaction],
      useFactory: (tenants: TenantTransaction) => new Cancellations(tenants),
    },
  ];
}

const WAKE = Symbol('wake');

/** This process's own worker at once, the others by a hint. */
const wakeProvider: Provider = {
  provide: WAKE,
  inject: [WakeUps, DeliveryWorker],
  useFactory: (wakeUps: WakeUps, worker: DeliveryWorker) => (): void => {
    worker.wake();
    wakeUps.send();
  },
};

const countIn =
  (metrics: Metrics): SubmissionCounter =>
  (tenantId, dataType, became) =>
    metrics.submission(tenantId, dataType, became);

/** What every message that leaves the service needs: secrets, connections, protocols. */
interface Outward {
  tenants: TenantTransaction;
  senders: Senders;
  signingSecrets: SigningSecrets;
  adapters: Adapters;
  box: SecretBox;
}

const OUTWARD = Symbol('outward');

const outwardProvider: Provider = {
  provide: OUTWARD,
  inject: [TenantTransaction, Senders, SigningSecrets, ADAPTERS, SecretBox],
  useFactory: (
    tenants: TenantTransaction,
    senders: Senders,
    signingSecrets: SigningSecrets,
    adapters: Adapters,
    box: SecretBox,
  ): Outward => ({ tenants, senders, signingSecrets, adapters, box }),
};

function deliveryProviders({ configuration, node, log }: ServiceContext): Provider[] {
  return [
    outwardProvider,
    {
      provide: Claims,
      inject: [SystemTransaction],
      useFactory: (system: SystemTransaction) => new Claims(system, node, configuration.LEASE_SECONDS),
    },
    {
      provide: DeliveryWorker,
      inject: [Claims, DestinationCatalogue, Destinations, Metrics, OUTWARD],
      useFactory: (
        claims: Claims,
        catalogue: DestinationCatalogue,
        destinations: Destinations,
        metrics: Metrics,
        outward: Outward,
      ) => createWorker(configuration, log, { ...outward, claims, catalogue, destinations, metrics, node }),
    },
    {
      provide: CallbackDispatcher,
      inject: [SystemTransaction, OUTWARD],
      useFactory: (system: SystemTransaction, outward: Outward) =>
        new CallbackDispatcher({
          ...outward,
          claims: new CallbackClaims(system, node),
          recorder: callbackRecorder(outward.tenants),
          rest: outward.adapters.get('REST') as Adapter,
          onFault: (error) => log.error({ err: error }, 'callback fault'),
        }),
    },
  ];
}
