import { type ConfirmChannel, type Message as Returned } from 'amqplib';
import { type Verdict } from './classify';
import { type Message } from './message';

interface Unsettled {
  messageId: string | undefined;
  returned: { replyCode: number; replyText: string } | undefined;
}

/**
 * A confirm channel that many deliveries share: each message is published at once and settled by its own confirm,
 * so that there is one window for all and no round trip between them. A fault of the channel (404, 403, 406)
 * ends it for all; the lane is then `closed` and another one is opened.
 */
export class Lane {
  private readonly unsettled = new Set<Unsettled>();
  private fault: Error | undefined;
  private crowd = 0;
  private ended = false;

  constructor(private readonly channel: ConfirmChannel) {
    channel.on('error', (error: Error) => this.end(error));
    // Before the library's own listener, which fails all unsettled messages.
    channel.prependListener('close', () => this.end(undefined));
    channel.on('return', (message) => this.markReturned(message));
  }

  get closed(): boolean {
    return this.ended;
  }

  /** Never rejects. A message that the broker returned is confirmed as well, and the return comes first. */
  publish({ exchange, routingKey, body, options }: Message): Promise<Verdict> {
    return new Promise((resolve) => {
      const entry: Unsettled = { messageId: options.messageId, returned: undefined };
      this.unsettled.add(entry);
      const settle = (error: unknown): void => {
        const verdict = this.verdictOf(entry, error);
        this.unsettled.delete(entry);
        resolve(verdict);
      };
      try {
        this.channel.publish(exchange, routingKey, body, options, settle);
      } catch (error) {
        this.unsettled.delete(entry);
        // Nothing was written: the channel has just ended, or the message cannot be encoded.
        resolve({ kind: 'fault', error: error as Error, alone: true });
      }
    });
  }

  async close(): Promise<void> {
    if (!this.ended) await this.channel.close();
  }

  private verdictOf(entry: Unsettled, error: unknown): Verdict {
    if (error === null || error === undefined) {
      return entry.returned === undefined ? { kind: 'confirmed' } : { kind: 'returned', ...entry.returned };
    }
    if (!this.ended) return { kind: 'nacked' };
    const fault = this.fault ?? new Error('The connection to the broker was closed', { cause: error });
    return { kind: 'fault', error: fault, alone: this.crowd <= 1 };
  }

  private end(error: Error | undefined): void {
    if (!this.ended) this.crowd = this.unsettled.size;
    this.ended = true;
    this.fault ??= error;
  }

  private markReturned({ properties, fields }: Returned): void {
    // The declared type lacks the fields of basic.return.
    const { replyCode, replyText } = fields as unknown as { replyCode: number; replyText: string };
    for (const entry of this.unsettled) {
      if (entry.messageId !== properties.messageId || entry.returned !== undefined) continue;
      entry.returned = { replyCode, replyText };
      return;
    }
  }
}
