import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type ChannelModel, connect, type ConfirmChannel, type GetMessage, type Options } from 'amqplib';
import { freePort } from '../../src/database/embedded/settings';
import { startHelper, type HelperProcess } from './helper-process';
import { temporaryDirectory } from './temporary-directory';

/** What is missing for such a broker; undefined where nothing is. */
export const missingBroker = (): string | undefined =>
  existsSync('/usr/lib/rabbitmq/bin/rabbitmq-server')
    ? undefined
    : 'RabbitMQ (apt-get install rabbitmq-server)';

/**
 * A RabbitMQ that nobody else uses (Debian package): the names of intake and events are fixed, and some tests break it.
 */
export class OwnBroker {
  private constructor(
    private readonly home: string,
    private readonly port: number,
    private process: HelperProcess,
  ) {}

  static async start(): Promise<OwnBroker> {
    const [home, port] = [await temporaryDirectory('rabbitmq'), await freePort()];
    return new OwnBroker(home, port, await launch(home, port));
  }

  get url(): string {
    return this.process.url;
  }

  /** An orderly stop; what is durable is there again after `restart`. */
  async stop(): Promise<void> {
    await this.process.stop();
  }

  async restart(): Promise<void> {
    this.process = await launch(this.home, this.port);
  }

  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.home, { recursive: true, force: true });
  }
}

async function launch(home: string, port: number): Promise<HelperProcess> {
  try {
    return await startHelper('rabbitmq-service.ts', home, String(port));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`no RabbitMQ of its own for this test (apt-get install rabbitmq-server): ${reason}`, {
      cause: error,
    });
  }
}

/** An upstream service that submits over AMQP. */
export class Publisher {
  private constructor(
    readonly model: ChannelModel,
    readonly channel: ConfirmChannel,
  ) {}

  static async connect(url: string): Promise<Publisher> {
    const model = await connect(url);
    model.on('error', () => undefined);
    const channel = await model.createConfirmChannel();
    channel.on('error', () => undefined);
    return new Publisher(model, channel);
  }

  /** Resolves when the broker has it. */
  publish(tenantId: string, body: unknown, options: Options.Publish = {}): Promise<void> {
    const content = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return this.publishTo('zenia.distribution.in', `submit.${tenantId}`, content, options);
  }

  publishTo(exchange: string, key: string, content: Buffer, options: Options.Publish = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.channel.publish(
        exchange,
        key,
        content,
        { persistent: true, ...options },
        (error: Error | null) => {
          if (error === null) resolve();
          else reject(error);
        },
      );
    });
  }

  /** What lies in the dead queue; taken out of it. */
  async takeDead(): Promise<GetMessage[]> {
    return this.takeAll('zenia.distribution.dead');
  }

  async takeAll(queue: string): Promise<GetMessage[]> {
    const taken: GetMessage[] = [];
    for (;;) {
      const message = await this.channel.get(queue, { noAck: true });
      if (message === false) return taken;
      taken.push(message);
    }
  }

  async waiting(queue: string): Promise<number> {
    return (await this.channel.checkQueue(queue)).messageCount;
  }

  async close(): Promise<void> {
    await this.model.close().catch(() => undefined);
  }
}
