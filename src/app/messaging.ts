import { type Provider } from '@nestjs/common';
import { Callers } from '../identity/callers';
import { Intake } from '../intake/accept';
import { RateLimits } from '../limits/rate-limits';
import { Broker, type BrokerParts } from '../messaging/broker';
import { SubmissionConsumer } from '../messaging/consumer';
import { EventPublisher } from '../messaging/events';
import { MessageReader } from '../messaging/reading';
import { declareEvents, declareIntake } from '../messaging/topology';
import { type Logger } from '../observability/logger';
import { Metrics } from '../observability/metrics';
import { type Configuration } from './configuration';
import { made } from './made';
import { VERSION } from './version';

/**
 * What this process does with the broker of AMQP_URL; nothing where there is none. Each purpose has a connection of its
 * own: a broker that is full blocks those that publish, and submissions must still be acknowledged.
 */
export class Messaging {
  constructor(
    private readonly brokers: readonly Broker[],
    private readonly consumer: SubmissionConsumer | undefined,
  ) {}

  /** Undefined where this process needs no broker. */
  get state(): { connected: boolean; held: number } | undefined {
    if (this.brokers.length === 0) return undefined;
    return { connected: this.brokers.every(({ connected }) => connected), held: this.consumer?.held ?? 0 };
  }

  start(): void {
    for (const broker of this.brokers) broker.start();
  }

  /** Takes no more submissions; those that are being committed are acknowledged within the grace time. */
  async stopIntake(graceMs: number): Promise<void> {
    await this.consumer?.stop(graceMs);
  }

  async stop(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.stop()));
  }
}

export function messagingProvider(configuration: Configuration, log: Logger): Provider {
  return made(
    Messaging,
    [Intake, Callers, RateLimits, Metrics, EventPublisher],
    (intake, callers, limits, metrics, publisher) => {
      const { AMQP_URL: url, ROLE } = configuration;
      if (url === undefined) return new Messaging([], undefined);
      const open = (parts: Pick<BrokerParts, 'name' | 'declare' | 'serve'>): Broker =>
        new Broker({
          url,
          version: VERSION,
          onFault: (error) => log.warn({ err: error }, 'no connection to the broker; it is tried again'),
          ...parts,
        });
      const brokers: Broker[] = [];
      const consumer = consumerOf(configuration, log, { intake, callers, limits, metrics });
      if (ROLE === 'api' || ROLE === 'all') {
        const serve: BrokerParts['serve'] = (session) => consumer.serve(session);
        brokers.push(open({ name: 'distributor', declare: declareIntake, serve }));
      }
      if (ROLE === 'worker' || ROLE === 'all') {
        const serve: BrokerParts['serve'] = (session) => publisher.serve(session);
        brokers.push(open({ name: 'distributor events', declare: declareEvents, serve }));
      }
      return new Messaging(brokers, consumer);
    },
  );
}

interface IntakeParts {
  intake: Intake;
  callers: Callers;
  limits: RateLimits;
  metrics: Metrics;
}

const consumerOf = (
  configuration: Configuration,
  log: Logger,
  { intake, callers, limits, metrics }: IntakeParts,
): SubmissionConsumer =>
  new SubmissionConsumer({
    reader: new MessageReader({
      callers,
      userTenants: configuration.AMQP_USER_TENANTS,
      maxBytes: configuration.API_MAX_REQUEST_SIZE,
      maxDepth: configuration.API_MAX_DEPTH,
    }),
    limits,
    intake,
    prefetch: configuration.AMQP_PREFETCH,
    mostHeld: configuration.AMQP_MAX_HELD,
    count: (became) => metrics.message(became),
    onFault: (error, requestId) => log.error({ err: error, request_id: requestId }, 'message failed'),
    onDelay: (error) => log.warn({ err: error }, 'messages wait; they are tried again'),
  });
