import { type Channel, type ConsumeMessage } from 'amqplib';
import { type BrokerSession } from './broker';
import { QUEUE_SUBMIT } from './topology';
import { type Incoming } from './tenant-line';

/** A channel with a prefetch of its own; it consumes while there is a `tag`. */
interface Window {
  channel: Channel;
  tag: string | undefined;
}

export interface WindowsParts {
  session: BrokerSession;
  /** Messages without acknowledgement in one window. */
  prefetch: number;
  /** Messages that may be held for tenants that are over their limit. */
  mostHeld: number;
  deliver: (incoming: Incoming) => void;
}

/** Of messages in hand; beyond it no further window is opened. */
const MOST_BYTES = 64 * 1_048_576;

/**
 * How many messages this process has in hand. The broker gives no more than a window's prefetch; messages of tenants
 * that are over their limit are held, in their order, and would fill it, so further windows are opened for the others,
 * up to a bound, and left when they are not needed.
 */
export class Windows {
  private readonly windows: Window[] = [];
  private changing: Promise<void> = Promise.resolve();
  private bytes = 0;
  private closed = false;

  constructor(private readonly parts: WindowsParts) {}

  /** Begins to consume. */
  open(): Promise<void> {
    return this.change(1);
  }

  /** So many messages are held. */
  fit(held: number): void {
    const { prefetch, mostHeld, session } = this.parts;
    const most = 1 + Math.ceil(mostHeld / prefetch);
    const wanted = Math.min(most, 1 + Math.ceil((2 * held) / prefetch));
    const consuming = this.consuming.length;
    // Between the two nothing changes, so that a held message more or less does not open and close.
    const fits = wanted === consuming || wanted === consuming - 1;
    if (this.closed || fits || (wanted > consuming && this.bytes > MOST_BYTES)) return;
    this.change(wanted).catch((error: unknown) => session.end(asError(error)));
  }

  /** Takes no more messages. */
  close(): Promise<void> {
    this.closed = true;
    return this.change(0);
  }

  private get consuming(): Window[] {
    return this.windows.filter(({ tag }) => tag !== undefined);
  }

  private change(wanted: number): Promise<void> {
    const changed = this.changing.then(() => this.changeTo(wanted));
    this.changing = changed.catch(() => undefined);
    return changed;
  }

  private async changeTo(wanted: number): Promise<void> {
    for (let count = this.consuming.length; count < wanted; count++) await this.widen();
    for (const window of this.consuming.slice(wanted)) {
      const { channel, tag = '' } = window;
      window.tag = undefined;
      await channel.cancel(tag);
    }
  }

  /** What a window that was left had in hand is settled on its channel, which is used again. */
  private async widen(): Promise<void> {
    const { session, prefetch } = this.parts;
    let window = this.windows.find(({ tag }) => tag === undefined);
    if (window === undefined) {
      window = { channel: await session.channel(), tag: undefined };
      await window.channel.prefetch(prefetch);
      this.windows.push(window);
    }
    const { channel } = window;
    const { consumerTag } = await channel.consume(QUEUE_SUBMIT, (message) => {
      if (message === null) session.end(new Error('the broker has cancelled the consumer'));
      else this.deliver(channel, message);
    });
    window.tag = consumerTag;
  }

  private deliver(channel: Channel, message: ConsumeMessage): void {
    const { session, deliver } = this.parts;
    this.bytes += message.content.length;
    deliver({
      message,
      settled: false,
      acknowledge: () => {
        this.bytes -= message.content.length;
        if (!session.over.aborted) channel.ack(message);
      },
    });
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
