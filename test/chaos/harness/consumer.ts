import { type ChannelModel, connect } from 'amqplib';
import { type Ledger } from './ledger';

/** A consumer of a queue that is delivered to: writes what it gets into the ledger. */
export class Consumer {
  private connection: ChannelModel | undefined;

  constructor(
    private readonly url: string,
    private readonly queue: string,
    private readonly ledger: Ledger,
    private readonly place: string,
  ) {}

  /** Again after the broker has restarted. */
  async start(): Promise<void> {
    this.connection = await connect(this.url);
    this.connection.on('error', () => undefined);
    const channel = await this.connection.createChannel();
    channel.on('error', () => undefined);
    await channel.assertQueue(this.queue, { durable: true });
    await channel.consume(this.queue, (message) => {
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
      const isKnown = message.fields.redelivered && this.ledger.has(messageId, attempt);
      if (!isKnown) this.ledger.arrived(this.place, messageId, job, attempt).taken = true;
      channel.ack(message);
    });
  }

  async stop(): Promise<void> {
    await this.connection?.close().catch(() => undefined);
  }
}
