import { type ChannelModel, connect } from 'amqplib';
import { eventually } from '../support/eventually';
import { missingBroker, OwnBroker } from '../support/own-broker';
import { type Chaos } from './harness/chaos';
import { fault } from './harness/fault';

const QUEUE = 'ordinances';

/** A consumer that comes back when the broker does, and writes what it gets into the ledger. */
class Consumer {
  private connection: ChannelModel | undefined;

  constructor(
    private readonly url: string,
    private readonly chaos: Chaos,
    private readonly place: string,
  ) {}

  async start(): Promise<void> {
    this.connection = await connect(this.url);
    this.connection.on('error', () => undefined);
    const channel = await this.connection.createChannel();
    channel.on('error', () => undefined);
    await channel.assertQueue(QUEUE, { durable: true });
    await channel.consume(QUEUE, (message) => {
      if (message === null) return;
      const { messageId, headers = {} } = message.properties as {
        messageId: string;
        headers?: Record<string, unknown>;
      };
      const [job, attempt] = [
        String(headers['x-distribution-id']),
        Number(headers['x-distribution-attempt']),
      ];
      // One that was not acknowledged when the broker went comes once more, by the broker's own doing.
      const isKnown = message.fields.redelivered && this.chaos.ledger.has(messageId, attempt);
      if (!isKnown) this.chaos.ledger.arrived(this.place, messageId, job, attempt).taken = true;
      channel.ack(message);
    });
  }

  async stop(): Promise<void> {
    await this.connection?.close().catch(() => undefined);
  }
}

fault(
  'rabbitmq-restart',
  'a broker that restarts gets every message that was promised to it',
  async (chaos) => {
    const broker = await OwnBroker.start();
    chaos.atEnd(() => broker.dispose());
    await chaos.open();
    await chaos.start({ DISTRIBUTION_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: '2' });
    const tenant = await chaos.tenant('broker');
    const place = 'broker/queue';
    const consumer = new Consumer(broker.url, chaos, place);
    await consumer.start();
    chaos.atEnd(() => consumer.stop());
    const retry_policy = { max_attempts: 20, initial_delay_seconds: 0.2, max_backoff_seconds: 2 };
    const configuration = { connection: { url: broker.url }, routing_key: QUEUE, retry_policy };
    await tenant.api.register('queue', configuration, { protocol: 'AMQP' });
    await chaos.destination(tenant, 'beside');
    const jobs = chaos.scaled(120, 5000);
    const load = chaos.load({ tenant, jobs, destinations: ['queue', 'beside'], perSecond: 60 });

    let recoverySeconds = 0;
    const restarts = chaos.scaled(1, 4);
    for (let restart = 1; restart <= restarts; restart++) {
      await chaos.ledger.reaches(
        Math.floor((jobs * restart) / (restarts + 2)) + chaos.random.between(0, 30),
        place,
      );
      await broker.stop();
      await eventually({ until: 'a delivery to wait for the broker' }, async () => {
        const waiting = await chaos.count(
          `FROM distribution_attempts WHERE destination_name = 'queue' AND status = 'retry'`,
        );
        expect(waiting).toBeGreaterThan(0);
      });
      await broker.restart();
      const back = performance.now();
      await consumer.start();
      await chaos.ledger.reaches(chaos.ledger.count(place) + 1, place);
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - back) / 1000);
    }
    await load.done;
    await chaos.settled();
    await chaos.ledger.reaches(jobs, place);
    return { recoverySeconds };
  },
  missingBroker(),
);
