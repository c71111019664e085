import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { createAdapters } from '../adapters/registry';
import { NetworkGuard } from '../adapters/network-guard';
import { Senders, type SendersOptions } from '../adapters/senders';
import { CallbackReplays } from '../callbacks/replay';
import { ReadTransaction } from '../database/read-transaction';
import { type SessionUrls } from '../database/roles';
import { SystemTransaction } from '../database/system-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { WakeUps } from '../database/wake-ups';
import { Cancellations } from '../delivery/cancel';
import { Expiries } from '../delivery/expiries';
import { Claims } from '../delivery/claim';
import { LaneKeeper } from '../delivery/lane-keeper';
import { LaneStore } from '../delivery/lane-store';
import { Lanes } from '../delivery/lanes';
import { DeliveryWorker } from '../delivery/worker';
import { AccessGuard } from '../http/access.guard';
import { AuditController } from '../http/audit.controller';
import {
  DestinationsController,
  DestinationTypesController,
  SigningSecretsController,
} from '../http/configuration.controllers';
import { ApiKeysController } from '../http/api-keys.controller';
import { AuthController } from '../http/auth.controller';
import { IssuerSignInController } from '../http/issuer-sign-in.controller';
import { DataTypesController } from '../http/data-types.controller';
import { DeadLettersController } from '../http/dead-letters.controller';
import { DestinationHealthController } from '../http/destination-health.controller';
import { DistributionController } from '../http/distribution.controller';
import { DataProtectionController } from '../http/data-protection.controller';
import { HealthChecks } from '../http/health-checks';
import { HealthController } from '../http/health.controller';
import { NodesController, TenantsController } from '../http/platform.controller';
import { BulkOperationsController, ReplayController } from '../http/replay.controller';
import { RuleTrialsController, RulesController } from '../http/rules.controller';
import { HttpSettings } from '../http/settings';
import { StatisticsController } from '../http/statistics.controller';
import { SubmissionController } from '../http/submission.controller';
import { TransformsController } from '../http/transforms.controller';
import { UsersController } from '../http/users.controller';
import { Sessions } from '../identity/sessions';
import { Intake, type SubmissionCounter } from '../intake/accept';
import { BatchIntake } from '../intake/accept-batch';
import { Rulings } from '../intake/rulings';
import { systemClock } from '../kernel/clock';
import { type NodeId } from '../kernel/ids';
import { SecretBox } from '../kernel/secret-box';
import { type Logger } from '../observability/logger';
import { Metrics } from '../observability/metrics';
import { DeadLetters } from '../replay/dead-letters';
import { BulkOperations } from '../replay/operations';
import { Replays } from '../replay/single';
import { ApiKeys } from '../tenants/api-keys';
import { DestinationCatalogue } from '../tenants/destination-catalogue';
import { DestinationTypes } from '../tenants/destination-types';
import { Destinations } from '../tenants/destinations';
import { KeyLookup } from '../tenants/key-lookup';
import { Platform } from '../tenants/platform';
import { ProgramCheck } from '../tenants/program-check';
import { SigningSecrets } from '../tenants/signing-secrets';
import { TenantDirectory } from '../tenants/tenant-directory';
import { JobList } from '../tracking/list';
import { Statistics } from '../tracking/statistics';
import { Tracking } from '../tracking/tracking';
import { Admission } from './admission';
import { type Configuration } from './configuration';
import { dataProtectionProviders } from './data-protection';
import { DatabaseModule } from './database.module';
import { destinationHealthProviders, OutcomeReaders } from './destination-health';
import { healthChecks } from './health';
import { httpSettings } from './http-settings';
import { identityProviders } from './identity';
import { Deciding, Known } from './known';
import { defaultLimits, limitsProvider } from './limits';
import { made } from './made';
import { Outward } from './outward';
import { ruleProviders } from './rules';
import { Transforming, transformProviders } from './transforms';
import { messagingProvider, Messaging } from './messaging';
import { readsProvider } from './reads';
import { Queue } from './queue';
import { sqlRequestsProvider } from './sql-requests';
import { tellingProviders } from './telling';
import { wakeAnywhere, wakeBoth } from './wake';
import { createWorker } from './worker';

/** What the composition needs to know beside the configuration. */
export interface ServiceContext {
  configuration: Configuration;
  sessions: SessionUrls;
  encryptionKeys: readonly string[];
  /** Of keyed hashes (database/hash-key.ts). */
  hashKey: Buffer;
  node: NodeId;
  version: string;
  log: Logger;
}

/** The parts of every role, by hand: who is made of what is read here and nowhere else. */
@Module({})
export class ServiceModule {
  static compose(context: ServiceContext): DynamicModule {
    const { configuration, sessions: urls, hashKey, node } = context;
    const { DB_POOL_SIZE: poolSize, DATABASE_POOLER: pooler } = configuration;
    const api = configuration.ROLE === 'api' || configuration.ROLE === 'all';
    return {
      module: ServiceModule,
      imports: [DatabaseModule.forSessions({ urls, hashKey, poolSize, pooler, node })],
      controllers: [HealthController, ...(api ? API_CONTROLLERS : [])],
      providers: [
        { provide: APP_GUARD, useClass: AccessGuard },
        readsProvider(configuration, urls.app, context.log),
        ...sharedProviders(context),
        ...administrationProviders(context),
        limitsProvider(configuration, context.log),
        ...identityProviders(context),
        ...ruleProviders(context.log),
        ...intakeProviders(context),
        messagingProvider(configuration, context.log),
        sqlRequestsProvider(configuration),
        ...replayProviders(context),
        ...dataProtectionProviders(context.log),
        ...deliveryProviders(context),
        ...tellingProviders(context),
        ...destinationHealthProviders(context.configuration, context.log),
        ...transformProviders(context),
      ],
    };
  }
}

const API_CONTROLLERS = [
  SubmissionController,
  DistributionController,
  ReplayController,
  BulkOperationsController,
  DeadLettersController,
  DestinationsController,
  DestinationHealthController,
  DestinationTypesController,
  ApiKeysController,
  SigningSecretsController,
  TenantsController,
  DataProtectionController,
  NodesController,
  RulesController,
  RuleTrialsController,
  DataTypesController,
  TransformsController,
  StatisticsController,
  AuditController,
  AuthController,
  IssuerSignInController,
  UsersController,
];

function sharedProviders(context: ServiceContext): Provider[] {
  const { configuration, encryptionKeys, hashKey, version, log } = context;
  const guard = new NetworkGuard(configuration.DESTINATION_ALLOWED_NETWORKS);
  const serviceIdentityFor = configuration.DESTINATION_AWS_IDENTITY_TENANTS;
  const adapters = createAdapters({ guard, version, serviceIdentityFor });
  const onCloseError: SendersOptions['onCloseError'] = (error, { tenantId, destination }) =>
    log.warn({ err: error, tenant_id: tenantId, destination }, 'connections could not be closed');
  return [
    made(SecretBox, [], () => new SecretBox(encryptionKeys, hashKey)),
    made(Metrics, [], () => new Metrics()),
    made(HttpSettings, [], () => httpSettings(configuration)),
    made(
      SigningSecrets,
      [TenantTransaction, SecretBox],
      (tenants, box) => new SigningSecrets(tenants, box, systemClock),
    ),
    made(
      Outward,
      [TenantTransaction, SigningSecrets, SecretBox],
      (tenants, signingSecrets, box) =>
        new Outward(tenants, adapters, new Senders({ onCloseError }), signingSecrets, box),
    ),
    made(
      HealthChecks,
      [SystemTransaction, Claims, DeliveryWorker, Messaging],
      (system, claims, worker, messaging) =>
        healthChecks({
          system,
          claims,
          worker,
          messaging,
          version,
          concurrency: configuration.WORKER_CONCURRENCY,
        }),
    ),
  ];
}

function administrationProviders({ configuration, log }: ServiceContext): Provider[] {
  return [
    made(
      KeyLookup,
      [SystemTransaction, SecretBox],
      (system, box) =>
        new KeyLookup(system, box, systemClock, (error) =>
          log.warn({ err: error }, 'the last use of a key was not noted'),
        ),
    ),
    made(TenantDirectory, [TenantTransaction], (tenants) => new TenantDirectory(tenants, systemClock)),
    made(
      ApiKeys,
      [TenantTransaction, SecretBox, KeyLookup],
      (tenants, box, keys) => new ApiKeys(tenants, box, () => keys.forgetAll()),
    ),
    made(
      Admission,
      [KeyLookup, Sessions, TenantDirectory],
      (keys, sessions, directory) => new Admission(keys, sessions, directory),
    ),
    made(
      Platform,
      [SystemTransaction, Outward, Admission],
      (system, { tenants, signingSecrets, box }, admission) =>
        new Platform({
          tenants,
          system,
          signingSecrets,
          box,
          defaultLimits: defaultLimits(configuration),
          hasBroker: configuration.AMQP_URL !== undefined,
          onChange: (tenantId) => admission.forget(tenantId),
        }),
    ),
    made(
      DestinationCatalogue,
      [TenantTransaction],
      (tenants) => new DestinationCatalogue(tenants, systemClock),
    ),
    made(
      Destinations,
      [Outward, DestinationCatalogue, ProgramCheck],
      ({ tenants, adapters, box }, catalogue, programs) =>
        new Destinations({ tenants, catalogue, adapters, box, programs }),
    ),
    made(DestinationTypes, [Outward], ({ adapters }) => new DestinationTypes(adapters)),
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
    made(Deciding, [Rulings, Transforming], (rulings, contents) => new Deciding(rulings, contents)),
    made(
      Intake,
      [Outward, Known, Deciding, WakeUps, DeliveryWorker, Metrics],
      (
        { tenants, adapters, box },
        { directory, destinations, dataTypes },
        { rulings, contents },
        wakeUps,
        worker,
        metrics,
      ) =>
        new Intake({
          tenants,
          catalogue: destinations,
          directory,
          adapters,
          box,
          limits,
          clock: systemClock,
          rulings,
          contents,
          dataTypes,
          wake: wakeBoth(wakeUps, worker),
          count: countIn(metrics),
        }),
    ),
    made(
      BatchIntake,
      [Intake, TenantTransaction, WakeUps, DeliveryWorker, Metrics],
      (intake, tenants, wakeUps, worker, metrics) =>
        new BatchIntake({
          intake,
          tenants,
          wake: wakeBoth(wakeUps, worker),
          count: countIn(metrics),
        }),
    ),
    made(Tracking, [TenantTransaction], (tenants) => new Tracking(tenants)),
    made(JobList, [ReadTransaction], (reads) => new JobList(reads)),
    made(Statistics, [ReadTransaction], (reads) => new Statistics(reads)),
  ];
}

function replayProviders({ configuration }: ServiceContext): Provider[] {
  return [
    made(
      Cancellations,
      [TenantTransaction, WakeUps, DeliveryWorker],
      (tenants, wakeUps, worker) => new Cancellations(tenants, wakeBoth(wakeUps, worker)),
    ),
    made(
      Expiries,
      [TenantTransaction, WakeUps, DeliveryWorker],
      (tenants, wakeUps, worker) =>
        new Expiries(tenants, configuration.DEAD_LETTER_RETENTION_DAYS, wakeBoth(wakeUps, worker)),
    ),
    made(
      Replays,
      [TenantTransaction, WakeUps, DeliveryWorker],
      (tenants, wakeUps, worker) => new Replays(tenants, wakeAnywhere(wakeUps, worker)),
    ),
    made(
      BulkOperations,
      [TenantTransaction, WakeUps, DeliveryWorker],
      (tenants, wakeUps, worker) => new BulkOperations(tenants, wakeAnywhere(wakeUps, worker)),
    ),
    made(
      DeadLetters,
      [TenantTransaction, ReadTransaction],
      (tenants, reads) => new DeadLetters(tenants, reads),
    ),
    made(CallbackReplays, [TenantTransaction], (tenants) => new CallbackReplays(tenants)),
  ];
}

const countIn =
  (metrics: Metrics): SubmissionCounter =>
  (tenantId, dataType, became) =>
    metrics.submission(tenantId, dataType, became);

function deliveryProviders({ configuration, node, log }: ServiceContext): Provider[] {
  return [
    made(Claims, [SystemTransaction], (system) => new Claims(system, node, configuration.LEASE_SECONDS)),
    made(LaneStore, [SystemTransaction], (system) => new LaneStore(system, node)),
    made(LaneKeeper, [LaneStore], (store) => {
      const breaker = {
        threshold: configuration.DISTRIBUTION_CIRCUIT_BREAKER_FAILURE_THRESHOLD,
        recoveryMs: configuration.DISTRIBUTION_CIRCUIT_BREAKER_RECOVERY_TIMEOUT * 1000,
      };
      return new LaneKeeper(new Lanes(breaker), store, (error) => log.error({ err: error }, 'lane fault'));
    }),
    made(Queue, [Claims, LaneKeeper], (...parts) => new Queue(...parts)),
    made(
      DeliveryWorker,
      [Queue, DestinationCatalogue, OutcomeReaders, Transforming, Outward],
      (queue, catalogue, readers, transforming, outward) =>
        createWorker(configuration, log, {
          outward,
          queue,
          catalogue,
          transforming,
          readers,
          node,
        }),
    ),
  ];
}
