import { type ConsumeMessage, type Options } from 'amqplib';
import { eventually } from './eventually';
import { Publisher } from './own-broker';

const EXCHANGE = 'zenia.distribution.events';

/** An outcome event as a consumer sees it. */
export interface Heard {
  key: string;
  properties: ConsumeMessage['properties'];
  body: Record<string, unknown>;
  text: string;
}

/** A consumer with a durable queue of its own, which keeps what comes while nobody looks. */
export class EventListener {
  /** All that it has taken so far. */
  readonly heard: Heard[] = [];

  private constructor(
    private readonly publisher: Publisher,
    readonly queue: string,
  ) {}

  static async bind(
    url: string,
    queue: string,
    pattern: string,
    options: Options.AssertQueue = {},
  ): Promise<EventListener> {
    const publisher = await Publisher.connect(url);
    await publisher.channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    await publisher.channel.assertQueue(queue, { durable: true, ...options });
    await publisher.channel.bindQueue(queue, EXCHANGE, pattern);
    return new EventListener(publisher, queue);
  }

  /** Resolves when so many different events have come, in all since the start. */
  async reaches(count: number, withinMs = 30_000): Promise<Heard[]> {
    await eventually({ until: `${count} events in ${this.queue}`, withinMs }, async () => {
      await this.take();
      if (this.ids.size < count) throw new Error(`${this.ids.size} events`);
    });
    return this.heard;
  }

  get ids(): Set<string> {
    return new Set(this.heard.map(({ properties }) => String(properties.messageId)));
  }

  async take(): Promise<void> {
    for (const { fields, properties, content } of await this.publisher.takeAll(this.queue)) {
      const text = content.toString('utf8');
      const body = JSON.parse(text) as Record<string, unknown>;
      this.heard.push({ key: fields.routingKey, properties, body, text });
    }
  }

  close(): Promise<void> {
    return this.publisher.close();
  }
}
