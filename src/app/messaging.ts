import { type Provider } from '@nestjs/common';
import { Callers } from '../identity/callers';
import { Intake } from '../intake/accept';
import { RateLimits } from '../limits/rate-limits';
import { Broker } from '../messaging/broker';
import { SubmissionConsumer } from '../messaging/consumer';
import { MessageReader } from '../messaging/reading';
import { type Logger } from '../observability/logger';
import { Metrics } from '../observability/metrics';
import { type Configuration } from './configuration';
import { made } from './made';
import { VERSION } from './version';

/** What this process does with the broker of AMQP_URL; nothing where there is none. */
export class Messaging {
  constructor(
    private readonly broker: Broker | undefined,
    private readonly consumer: SubmissionConsumer | undefined,
  ) {}

  /** Undefined where this process needs no broker. */
  get state(): { connected: boolean; held: number } | undefined {
    if (this.broker === undefined) return undefined;
    return { connected: this.broker.connected, held: this.consumer?.held ?? 0 };
  }

  start(): void {
    this.broker?.start();
  }

  /** Takes no more submissions; those that are being committed are acknowledged within the grace time. */
  async stopIntake(graceMs: number): Promise<void> {
    await this.consumer?.stop(graceMs);
  }

  async stop(): Promise<void> {
    await this.broker?.stop();
  }
}

export function messagingProvider(configuration: Configuration, log: Logger): Provider {
  return made(Messaging, [Intake, Callers, RateLimits, Metrics], (intake, callers, limits, metrics) => {
    const { AMQP_URL: url, ROLE } = configuration;
    if (url === undefined || (ROLE !== 'api' && ROLE !== 'all')) return new Messaging(undefined, undefined);
    const reader = new MessageReader({
      callers,
      userTenants: configuration.AMQP_USER_TENANTS,
      maxBytes: configuration.API_MAX_REQUEST_SIZE,
      maxDepth: configuration.API_MAX_DEPTH,
    });
    const consumer = new SubmissionConsumer({
      reader,
      limits,
      intake,
      prefetch: configuration.AMQP_PREFETCH,
      mostHeld: configuration.AMQP_MAX_HELD,
      count: (became) => metrics.message(became),
      onFault: (error, requestId) => log.error({ err: error, request_id: requestId }, 'message failed'),
      onDelay: (error) => log.warn({ err: error }, 'messages wait; they are tried again'),
    });
    const broker = new Broker({
      url,
      version: VERSION,
      serve: (session) => consumer.serve(session),
      onFault: (error) => log.warn({ err: error }, 'no connection to the broker; it is tried again'),
    });
    return new Messaging(broker, consumer);
  });
}
