import { join } from 'node:path';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyInstance } from 'fastify';
import { Exports } from '../data-protection/exports';
import { assertBoundByPolicies } from '../database/bypass-check';
import { startEmbeddedPostgres } from '../database/embedded-postgres';
import { hashKey } from '../database/hash-key';
import { migrate } from '../database/migrate';
import { ReadTransaction } from '../database/read-transaction';
import { type SessionUrls, sessionUrls } from '../database/roles';
import { SystemTransaction } from '../database/system-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { WakeUps } from '../database/wake-ups';
import { Claims } from '../delivery/claim';
import { LaneKeeper } from '../delivery/lane-keeper';
import { LaneStore } from '../delivery/lane-store';
import { DeliveryWorker } from '../delivery/worker';
import { serveConsole } from '../http/console';
import { HealthChecks } from '../http/health-checks';
import { servePublishedContract } from '../http/openapi';
import { assertEveryEndpointHasAccess } from '../http/scope-check';
import { createServer } from '../http/server';
import { Callers } from '../identity/callers';
import { Users } from '../identity/users';
import { pause, systemTimers } from '../kernel/clock';
import { newId, type NodeId, type TenantId } from '../kernel/ids';
import { RateLimits } from '../limits/rate-limits';
import { createLogger, type Logger } from '../observability/logger';
import { Metrics } from '../observability/metrics';
import { Platform } from '../tenants/platform';
import { Transformer } from '../transforms/transformer';
import { type Upkeep } from '../upkeep/duty';
import { DeadLetterCount } from '../upkeep/dead-letters';
import { HealthCheckRounds } from '../upkeep/health-checks';
import { Heartbeat } from '../upkeep/heartbeat';
import { SQL_REQUESTS } from '../upkeep/sql-requests';
import { type Configuration, ownerUrl } from './configuration';
import { ConfigurationChanges } from './configuration-changes';
import { HeartbeatSession } from './database.module';
import { encryptionKeys } from './encryption-keys';
import { destinationHealth } from './health';
import { Outward } from './outward';
import { httpSettings } from './http-settings';
import { Messaging } from './messaging';
import { ServiceModule } from './service.module';
import { Telling } from './telling';
import { createUpkeep } from './upkeep';
import { ROOT, VERSION } from './version';

export interface RunningService {
  /** Where the API listens, e.g. `http://127.0.0.1:8000`. */
  url: string;
  /** Idempotent; returns when everything has ended, PostgreSQL last. */
  stop(): Promise<void>;
}

interface Database {
  ownerUrl: string;
  sessions: SessionUrls;
  stop(): Promise<void>;
}

/** Brings everything up in order: database, schema, HTTP, loops. What fails on the way takes down what was up. */
export async function startService(configuration: Configuration): Promise<RunningService> {
  const node = newId<NodeId>();
  const log = createLogger(configuration.LOG_LEVEL, configuration.LOG_FORMAT, {
    node,
    role: configuration.ROLE,
  });
  const database = await openDatabase(configuration, log);
  try {
    return await startOn(database, configuration, node, log);
  } catch (error) {
    await database.stop();
    throw error;
  }
}

/** The embedded default or the one that was given; migrated, and its sessions bound by policies. */
export async function openDatabase(configuration: Configuration, log: Logger): Promise<Database> {
  const owner = ownerUrl(configuration);
  const embedded =
    owner === undefined
      ? await startEmbeddedPostgres({ dataDir: configuration.DATA_DIR, log: (line) => log.info(line) })
      : undefined;
  try {
    const url = owner ?? embedded?.ownerUrl ?? '';
    const { DATABASE_APP_URL: app, DATABASE_SYSTEM_URL: system } = configuration;
    const sessions = sessionUrls(url, { ...(app && { app }), ...(system && { system }) });
    const done = await migrate(url, sessions);
    if (done.length > 0) log.info({ migrations: done }, 'database migrated');
    await assertBoundByPolicies(sessions.app, 'DATABASE_APP_URL');
    await assertBoundByPolicies(sessions.system, 'DATABASE_SYSTEM_URL');
    return { ownerUrl: url, sessions, stop: async () => embedded?.stop() };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

async function startOn(
  database: Database,
  configuration: Configuration,
  node: NodeId,
  log: Logger,
): Promise<RunningService> {
  const app = await createApp(database, configuration, node, log);
  const { ROLE } = configuration;
  await ensureFirstAdministrators(app, configuration);
  if (takesRequests(configuration)) await app.get(ReadTransaction).start();
  const worker = app.get(DeliveryWorker);
  const heartbeat = new Heartbeat(
    app.get(HeartbeatSession),
    { id: node, role: ROLE, version: VERSION },
    () => ({ in_flight: worker.active, rss_mb: Math.round(process.memoryUsage.rss() / 1_048_576) }),
    (error) => log.warn({ err: error }, 'heartbeat missed'),
  );
  await heartbeat.start();
  const upkeep = createUpkeep(app, configuration, log);
  if (ROLE === 'scheduler' || ROLE === 'all') {
    upkeep.start();
    app.get(HealthCheckRounds).start();
  }
  if (ROLE === 'worker' || ROLE === 'all') {
    worker.start();
    app.get(Telling).start();
  }
  app.get(RateLimits).start();
  app.get(Messaging).start();
  const changes = app.get(ConfigurationChanges);
  app.get(WakeUps).listen({
    onWork:
      ROLE === 'worker' || ROLE === 'all'
        ? (lanes) => (lanes === undefined ? worker.wake() : worker.hint(lanes))
        : undefined,
    onSqlRequests: ROLE === 'scheduler' || ROLE === 'all' ? () => upkeep.ask(SQL_REQUESTS) : undefined,
    onChange: (owner) => changes.forget(owner as TenantId | null),
  });
  await app.listen(configuration.API_PORT, configuration.API_HOST);
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1').replace('0.0.0.0', '127.0.0.1');
  log.info({ url, version: VERSION }, 'ready');
  let stopped: Promise<void> | undefined;
  return { url, stop: () => (stopped ??= stopInOrder(app, heartbeat, upkeep, database, configuration, log)) };
}

const takesRequests = ({ ROLE }: Configuration): boolean => ROLE === 'api' || ROLE === 'all';

async function ensureFirstAdministrators(
  app: NestFastifyApplication,
  { BOOTSTRAP_ADMIN_KEY, BOOTSTRAP_ADMIN_USER, BOOTSTRAP_ADMIN_PASSWORD }: Configuration,
): Promise<void> {
  if (BOOTSTRAP_ADMIN_KEY !== undefined) await app.get(Platform).ensureBootstrapKey(BOOTSTRAP_ADMIN_KEY);
  if (BOOTSTRAP_ADMIN_USER !== undefined && BOOTSTRAP_ADMIN_PASSWORD !== undefined) {
    await app.get(Users).ensureBootstrapUser(BOOTSTRAP_ADMIN_USER, BOOTSTRAP_ADMIN_PASSWORD);
  }
}

async function createApp(
  { sessions }: Database,
  configuration: Configuration,
  node: NodeId,
  log: Logger,
): Promise<NestFastifyApplication> {
  const keys = await encryptionKeys(configuration.ENCRYPTION_KEYS, configuration.DATA_DIR);
  const module = ServiceModule.compose({
    configuration,
    sessions,
    encryptionKeys: keys,
    hashKey: await hashKey(sessions.system, keys),
    node,
    version: VERSION,
    log,
  });
  const app = await createServer(module, {
    settings: httpSettings(configuration),
    callers: () => app.get(Callers),
    limits: () => app.get(RateLimits),
    isStopping: () => app.get(HealthChecks).isStopping,
    log,
  });
  assertEveryEndpointHasAccess(app);
  servePublishedContract(app);
  if (configuration.ROLE === 'api' || configuration.ROLE === 'all') {
    const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
    await serveConsole(fastify, join(ROOT, 'console', 'dist'));
  }
  const claims = app.get(Claims);
  const worker = app.get(DeliveryWorker);
  const metrics = app.get(Metrics);
  metrics.queueDepth(async () => {
    const { oldest_due_seconds: _age, ...queues } = await claims.depth();
    return queues;
  });
  metrics.oldestDue(async () => (await claims.depth()).oldest_due_seconds);
  metrics.deadReadyRows(() => claims.deadRows());
  metrics.pendingCallbacks(() => app.get(Telling).pending());
  metrics.lanes(() => app.get(LaneKeeper).counts);
  metrics.breakers(() => app.get(LaneStore).breakers());
  const letters = new DeadLetterCount(app.get(SystemTransaction));
  metrics.deadLetters(() => letters.byTenant());
  metrics.destinationHealth(() => destinationHealth(app.get(SystemTransaction)));
  const messaging = app.get(Messaging);
  if (messaging.state !== undefined) metrics.broker(() => messaging.state ?? { connected: false, held: 0 });
  metrics.waitingForSessions(() => ({
    app: app.get(TenantTransaction).waiting,
    system: app.get(SystemTransaction).waiting,
  }));
  if (configuration.DATABASE_READ_URL !== undefined && takesRequests(configuration))
    metrics.replicaLag(() => app.get(ReadTransaction).lagSeconds());
  metrics.activeWorkers(() => ({ delivery: worker.active }));
  return app;
}

/**
 * Readiness first, then what takes work in, then what works, then what they stand on. HTTP goes on meanwhile, and for as
 * long as those who send requests may need to see that it is going.
 */
async function stopInOrder(
  app: NestFastifyApplication,
  heartbeat: Heartbeat,
  upkeep: Upkeep,
  database: Database,
  configuration: Configuration,
  log: Logger,
): Promise<void> {
  const { WORKER_GRACEFUL_SHUTDOWN_TIMEOUT, API_DRAIN_SECONDS } = configuration;
  app.get(HealthChecks).beginStop();
  const drained = pause(systemTimers, takesRequests(configuration) ? API_DRAIN_SECONDS * 1000 : 0);
  await stopWork(app, upkeep, WORKER_GRACEFUL_SHUTDOWN_TIMEOUT * 1000);
  await drained;
  app.get(Exports).stop();
  await app.getHttpAdapter().close();
  await app.get(WakeUps).stop();
  await app.get(Transformer).stop();
  await heartbeat.stop();
  await app.get(Outward).senders.closeAll();
  await app.get(RateLimits).stop();
  await app.close();
  await app.get(ReadTransaction).stop();
  await database.stop();
  log.info('stopped');
}

async function stopWork(app: NestFastifyApplication, upkeep: Upkeep, graceMs: number): Promise<void> {
  await app.get(Messaging).stopIntake(graceMs);
  await Promise.all([upkeep.stop(), app.get(HealthCheckRounds).stop()]);
  await Promise.all([app.get(DeliveryWorker).stop(graceMs), app.get(Telling).stop(graceMs)]);
  await app.get(Messaging).stop();
}
