import { type ChannelModel, connect } from 'amqplib';
import { NotToBeHad, type ProtocolReceiver } from './receiver';

const LOCAL = 'amqp://guest:guest@127.0.0.1:5672';

/** A queue of its own at AMQP_URL or the broker on the standard port; the queue goes with its connection. */
export async function amqpReceiver(): Promise<ProtocolReceiver> {
  const url = process.env['AMQP_URL'] || LOCAL;
  const model = await broker(url);
  const channel = await model.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const messages: string[] = [];
  await channel.consume(
    queue,
    (message) => {
      if (message !== null)
        messages.push(`message ${String(message.properties.messageId)}, ${message.content.length} bytes`);
    },
    { noAck: true },
  );
  const { host } = new URL(url);
  return {
    protocol: 'AMQP',
    address: `queue ${queue} at ${host}`,
    configuration: { connection: { url }, routing_key: queue },
    arrived: () => messages,
    stop: () => model.close(),
  };
}

async function broker(url: string): Promise<ChannelModel> {
  try {
    return await connect(url, { timeout: 1500 });
  } catch {
    throw new NotToBeHad(
      `no broker at ${new URL(url).host}; start RabbitMQ there (apt-get install rabbitmq-server) or set AMQP_URL`,
    );
  }
}
