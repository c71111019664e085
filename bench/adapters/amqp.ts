import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { randomBytes } from 'node:crypto';
import { type Delivery } from '../../src/adapters/port';
import { type Report } from '../report';
import { adapterWay, run, type Way } from './contest';
import { startTestServer } from './servers';

const LOCAL = 'amqp://guest:guest@127.0.0.1:5672';
const TOGETHER = 64;

/** Persistent messages to a durable queue, each confirmed: one at a time, and many under one confirm window. */
export async function amqpContest(report: Report): Promise<void> {
  const broker = await findBroker();
  const { url } = broker;
  const queue = `distributor_bench_${randomBytes(4).toString('hex')}`;
  const model = await connect(url);
  try {
    const channel = await model.createChannel();
    await channel.assertQueue(queue, { durable: true });
    const tidy = async (): Promise<void> => void (await channel.purgeQueue(queue));
    const configuration = { connection: { url }, routing_key: queue };
    for (const [suffix, concurrency] of [
      ['', TOGETHER],
      ['_window_1', 1],
    ] as const) {
      const bare: [string, Way][] = [['amqplib', await amqplib(model, queue)]];
      const figure = `adapter_amqp${suffix}`;
      await run({ figure, concurrency, adapter: adapterWay('AMQP', configuration), bare, tidy }, report);
    }
    await channel.deleteQueue(queue);
  } finally {
    await model.close();
    await broker.stop();
  }
}

async function amqplib(model: ChannelModel, queue: string): Promise<Way> {
  const channel = await model.createConfirmChannel();
  return {
    deliver: (delivery) => publish(channel, queue, delivery),
    close: () => channel.close(),
  };
}

/** With the envelope of the adapter's messages but for the signatures. */
function publish(channel: ConfirmChannel, queue: string, delivery: Delivery): Promise<void> {
  const { body, deliveryId: messageId, correlationId, contentType, dataType: type } = delivery;
  const headers = {
    'x-tenant-id': delivery.tenantId,
    'x-correlation-id': correlationId,
    'x-distribution-id': delivery.distributionId,
    'x-distribution-attempt': delivery.attemptNumber,
  };
  const options = { persistent: true, mandatory: true, messageId, correlationId, contentType, type, headers };
  return new Promise((resolve, reject) => {
    channel.publish('', queue, body, options, (error: Error | null) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

async function findBroker(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env['BENCH_AMQP_URL'] ?? LOCAL;
  try {
    await (await connect(url)).close();
    return { url, stop: async () => undefined };
  } catch {
    return startTestServer('rabbitmq-service.ts');
  }
}
