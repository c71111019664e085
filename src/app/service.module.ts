import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { createAdapters } from '../adapters/registry';
import { NetworkGuard } from '../adapters/network-guard';
import { type Adapter, type Protocol } from '../adapters/port';
import { Senders } from '../adapters/senders';
import { CallbackClaims } from '../callbacks/claim';
import { CallbackDispatcher } from '../callbacks/dispatcher';
import { callbackRecorder } from '../callbacks/record';
import { SystemTransaction } from '../database/system-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { WakeUps } from '../database/wake-ups';
import { attempt } from '../delivery/attempt';
import { Cancellations } from '../delivery/cancel';
import { Claims } from '../delivery/claim';
import { Recorder } from '../delivery/record';
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
import { Intake } from '../intake/accept';
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
import { type SessionUrls } from '../database/roles';
