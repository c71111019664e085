import { attempt } from '../delivery/attempt';
import { Recorder, type Result, RESULTS } from '../delivery/record';
import { DeliveryWorker } from '../delivery/worker';
import { signOf } from '../health/decide';
import { type DeliveryHealth } from '../health/follow-deliveries';
import { systemClock, systemTimers } from '../kernel/clock';
import { type DestinationId } from '../kernel/ids';
import { type Logger } from '../observability/logger';
import { type Metrics } from '../observability/metrics';
import { type DestinationCatalogue } from '../tenants/destination-catalogue';
import { type Destinations } from '../tenants/destinations';
import { type Configuration } from './configuration';
import { type OutcomeReaders } from './destination-health';
import { type Outward } from './outward';
import { type Queue } from './queue';
import { retryDefaults } from './retry-defaults';
import { type Transforming } from './transforms';
import { VERSION } from './version';

export interface WorkerSurroundings {
  outward: Outward;
  catalogue: DestinationCatalogue;
  transforming: Transforming;
  queue: Queue;
  readers: OutcomeReaders;
  node: string;
}

/** claim -> prepare -> send -> decide -> record, as one worker. */
export function createWorker(
  configuration: Configuration,
  log: Logger,
  around: WorkerSurroundings,
): DeliveryWorker {
  const { outward, readers } = around;
  const onFault = (error: unknown): void => log.error({ err: error }, 'delivery fault');
  const recorder = new Recorder({
    tenants: outward.tenants,
    timers: systemTimers,
    madeBy: { node: around.node, version: VERSION },
    onRefused: (result) => {
      readers.metrics.fencedOutcome();
      log.warn(
        { delivery_id: result.claimed.delivery_id, fence: result.claimed.fence },
        'outcome refused by its fence',
      );
    },
    onReleased: (lanes) => worker.wake(lanes),
    onFault: (error, results) => log.error({ err: error, results }, 'outcomes could not be recorded yet'),
    deadLetterDays: configuration.DEAD_LETTER_RETENTION_DAYS,
  });
  const parts = {
    catalogue: around.catalogue,
    transforms: around.transforming.transforms,
    transformer: around.transforming.transformer,
    signingSecrets: outward.signingSecrets,
    senders: outward.senders,
    adapters: outward.adapters,
    box: outward.box,
    clock: systemClock,
    random: Math.random,
    env: { allowed: configuration.DESTINATION_ENV_ALLOWLIST, values: process.env },
    defaults: {
      retry: retryDefaults(configuration),
      timeoutSeconds: configuration.DISTRIBUTION_DEFAULT_TIMEOUT,
      maxTimeoutSeconds: configuration.DISTRIBUTION_MAX_TIMEOUT,
    },
    onFault,
  };
  const worker = new DeliveryWorker({
    ...around.queue,
    timers: systemTimers,
    recorder,
    concurrency: configuration.WORKER_CONCURRENCY,
    attempt: (claimed, deadlines) => attempt(parts, claimed, deadlines),
    onClaimed: (seconds) => readers.metrics.claim(seconds),
    onRecorded: (result) => {
      observe(result, readers.metrics, log);
      noteHealth(readers.deliveryHealth, result);
      disableIfAsked(readers.destinations, result).catch(onFault);
    },
    onFault,
  });
  return worker;
}

/** After the outcome is recorded: should the process die in between, the next delivery gets the same answer. */
async function disableIfAsked(destinations: Destinations, { claimed, disables }: Result): Promise<void> {
  const { tenant_id: tenantId, destination, destination_version: version } = claimed;
  if (disables === undefined || version === null) return;
  const caller = { tenantId, actor: 'worker', scopes: new Set<never>() };
  await destinations.disable(caller, destination.destination_id as DestinationId, version, disables);
}

/** Only what was sent to the destination as it is registered tells of its health. */
function noteHealth(
  deliveryHealth: DeliveryHealth,
  { claimed, decision, startedAt, completedAt }: Result,
): void {
  const { destination_id: id, inline } = claimed.destination;
  if (startedAt === undefined || id === null || inline !== null) return;
  const isSuccess = decision.kind === 'succeed';
  if (!isSuccess && !('code' in decision)) return;
  deliveryHealth.note({
    tenantId: claimed.tenant_id,
    destinationId: id as DestinationId,
    sign: isSuccess ? 'success' : signOf(decision.code),
    latencyMs: completedAt.getTime() - startedAt.getTime(),
    code: isSuccess ? null : decision.code,
    message: isSuccess ? 'A delivery succeeded.' : `Deliveries fail in a row: ${decision.message}`,
  });
}

/** One wide line and two figures per attempt; the line of a success is for debugging only, there are too many. */
function observe(
  { claimed, decision, startedAt, completedAt, response, bytesSent }: Result,
  metrics: Metrics,
  log: Logger,
): void {
  const ms = startedAt === undefined ? undefined : completedAt.getTime() - startedAt.getTime();
  metrics.attempt(claimed.destination_name, RESULTS[decision.kind], ms === undefined ? undefined : ms / 1000);
  const level = decision.kind === 'succeed' ? 'debug' : decision.kind === 'fail' ? 'warn' : 'info';
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      tenant_id: claimed.tenant_id,
      distribution_id: claimed.distribution_id,
      delivery_id: claimed.delivery_id,
      destination: claimed.destination_name,
      attempt_number: claimed.attempt_number,
      result: RESULTS[decision.kind],
      error_code: 'code' in decision ? decision.code : undefined,
      response_status: response?.statusCode,
      duration_ms: ms,
      bytes_sent: bytesSent,
    },
    'attempt',
  );
}
