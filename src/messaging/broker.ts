import { setTimeout as pause } from 'node:timers/promises';
import { type Channel, type ChannelModel, connect, type ConfirmChannel } from 'amqplib';

/** One connection, from the moment at which everything is declared to its end. */
export interface BrokerSession {
  /** Another channel; its end is the end of the session. */
  channel(): Promise<Channel>;
  /** With confirms. */
  publisher: ConfirmChannel;
  /** Aborted when the session has ended: nothing can be acknowledged any more. */
  over: AbortSignal;
  /** Ends the connection; another one is opened. */
  end(reason: Error): void;
}

export interface BrokerParts {
  url: string;
  version: string;
  /** What the broker's own lists call the connection. */
  name: string;
  /** At the beginning of each session: what was deleted meanwhile is there again. */
  declare: (channel: Channel) => Promise<void>;
  /** Begins with each session what is to be done in it. */
  serve: (session: BrokerSession) => Promise<void>;
  onFault: (error: unknown) => void;
}

const CONNECT_MS = 10_000;
const CLOSE_MS = 2000;
/** Without a word from the broker for two to three of these the connection is lost; it would itself ask for 60. */
const HEARTBEAT_SECONDS = 10;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;

/** A connection to the broker of AMQP_URL, opened again whenever it is lost. */
export class Broker {
  private loop: Promise<void> | undefined;
  private readonly stopping = new AbortController();
  private failures = 0;
  private model: ChannelModel | undefined;

  constructor(private readonly parts: BrokerParts) {}

  get connected(): boolean {
    return this.model !== undefined;
  }

  start(): void {
    this.loop ??= this.run();
  }

  /** Whatever is not acknowledged by now is delivered again, to whoever consumes then. Idempotent. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.session();
      } catch (error) {
        if (!signal.aborted) this.parts.onFault(error);
      }
      const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures++);
      await pause(delay * (0.75 + Math.random() / 4), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Rejects with what ended it. */
  private async session(): Promise<void> {
    const socket = new AbortController();
    const over = new AbortController();
    const { version, name, declare, serve } = this.parts;
    const options = {
      noDelay: true,
      timeout: CONNECT_MS,
      clientProperties: { connection_name: name, product: 'Distributor', version },
      // node:net destroys the socket by it, at whatever stage the connection is.
      signal: socket.signal,
    };
    const model = await connect(withHeartbeat(this.parts.url), options);
    const ended = new Promise<never>((_resolve, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason as Error), { once: true });
    });
    ended.catch(() => undefined);
    const end = (reason: Error): void => over.abort(reason);
    model.on('error', end);
    model.on('close', () => end(new Error('the connection to the broker was closed')));
    this.stopping.signal.addEventListener('abort', () => end(new Error('stopped')), { once: true });
    try {
      const publisher = watched(await model.createConfirmChannel(), end);
      await Promise.race([ended, declare(publisher)]);
      const channel = async (): Promise<Channel> => watched(await model.createChannel(), end);
      await Promise.race([ended, serve({ channel, publisher, over: over.signal, end })]);
      this.model = model;
      this.failures = 0;
      await ended;
    } finally {
      this.model = undefined;
      over.abort();
      await Promise.race([model.close(), pause(CLOSE_MS, undefined, { ref: false })]).catch(() => undefined);
      socket.abort();
    }
  }
}

/** What the URL says of it itself counts. */
function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
  return parsed.href;
}

/** A channel ends by a fault that it shares with nobody, but what was in it is unknown: all begins anew. */
function watched<Kind extends Channel>(channel: Kind, end: (reason: Error) => void): Kind {
  channel.on('error', end);
  channel.on('close', () => end(new Error('a channel was closed')));
  return channel;
}
