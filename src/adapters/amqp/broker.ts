import { setTimeout as setTimer } from 'node:timers/promises';
import { type ChannelModel, connect, credentials, type SocketOptions } from 'amqplib';
import { NetworkRefusal, nodeTls, serverName } from '../network-connect';
import { type NetworkGuard } from '../network-guard';
import { type Broker, type Endpoint } from './endpoint';
import { Lane } from './lane';

const CLOSE_MS = 2000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;

/** An open connection; `closed` once it is gone, `blocked` while the broker takes no messages. */
interface Link {
  model: ChannelModel;
  closed: boolean;
  blocked: string | undefined;
  /** Ends the connection without a word to the broker. */
  kill: () => void;
}

export interface BrokerOptions {
  guard: NetworkGuard;
  version: string;
  connectTimeoutMs: number;
}

/**
 * The connection of one sender and the lane on it, opened when first needed and again after a fault. After a
 * failure the next attempt waits (100 ms, doubled up to 5 s, with jitter), however many deliveries ask for it;
 * they share each attempt.
 */
export class BrokerConnection {
  private link: Link | undefined;
  private lane: Lane | undefined;
  private opening: Promise<Link> | undefined;
  private openingLane: Promise<Lane> | undefined;
  private solo: Promise<unknown> = Promise.resolve();
  private readonly ended = new AbortController();
  private failures = 0;
  private notBefore = 0;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly options: BrokerOptions,
  ) {}

  /** Why the broker takes no messages for now (a resource alarm), if so. */
  get blocked(): string | undefined {
    return this.link?.closed === false ? this.link.blocked : undefined;
  }

  /** The lane that deliveries share. Rejects with what stood in the way. */
  sharedLane(): Promise<Lane> {
    if (this.lane?.closed === false) return Promise.resolve(this.lane);
    this.openingLane ??= this.newLane()
      .then((lane) => (this.lane = lane))
      .finally(() => (this.openingLane = undefined));
    return this.openingLane;
  }

  /**
   * Work with a lane of its own, one after another: after a fault of the shared lane nobody knows whose message
   * it was, and here it is plain.
   */
  alone<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      const lane = await this.newLane();
      try {
        return await work(lane);
      } finally {
        await lane.close().catch(() => undefined);
      }
    };
    const turn = this.solo.then(run, run);
    this.solo = turn.catch(() => undefined);
    return turn;
  }

  /** A round trip to the broker, and whether the exchange exists; an empty name asks for no exchange. */
  async probe(exchange: string): Promise<void> {
    const link = await this.connected();
    await this.withinTime(link, async () => {
      const channel = await link.model.createChannel();
      channel.on('error', () => undefined);
      if (exchange !== '') await channel.checkExchange(exchange);
      await channel.close();
    });
  }

  /** Says good-bye where the broker listens, and ends the connection anyway. */
  async close(): Promise<void> {
    if (this.link?.closed === false) await within(this.link.model.close(), CLOSE_MS).catch(() => undefined);
    this.ended.abort();
  }

  private async newLane(): Promise<Lane> {
    const link = await this.connected();
    return this.withinTime(link, async () => new Lane(await link.model.createConfirmChannel()));
  }

  private connected(): Promise<Link> {
    if (this.link?.closed === false) return Promise.resolve(this.link);
    this.opening ??= this.reconnect().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async reconnect(): Promise<Link> {
    const wait = this.notBefore - performance.now();
    if (wait > 0) await setTimer(wait, undefined, { signal: this.ended.signal });
    try {
      this.link = await this.connectToAny();
      this.failures = 0;
      return this.link;
    } catch (error) {
      const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
      this.failures++;
      this.notBefore = performance.now() + delay * (0.75 + Math.random() / 4);
      throw error;
    }
  }

  /** The brokers in turn; the one that lets us in is asked first the next time. */
  private async connectToAny(): Promise<Link> {
    const { brokers } = this.endpoint;
    let first: unknown;
    for (const broker of [...brokers]) {
      try {
        const link = await openLink(broker, this.endpoint, { ...this.options, ended: this.ended.signal });
        brokers.sort((a, b) => Number(b === broker) - Number(a === broker));
        return link;
      } catch (error) {
        first ??= error;
      }
    }
    throw first;
  }

  /** A connection on which a broker does not answer in time is as good as none. */
  private async withinTime<T>(link: Link, work: () => Promise<T>): Promise<T> {
    try {
      return await within(work(), this.options.connectTimeoutMs);
    } catch (error) {
      if (error instanceof NetworkRefusal) link.kill();
      throw error;
    }
  }
}

/** One broker: the address that the guard has checked, the name kept for TLS, all within the connect time-out. */
async function openLink(
  broker: Broker,
  endpoint: Endpoint,
  options: BrokerOptions & { ended: AbortSignal },
): Promise<Link> {
  const { guard, connectTimeoutMs } = options;
  const kill = new AbortController();
  // node:net destroys the socket by it, at whatever stage the connection is.
  const signal = AbortSignal.any([kill.signal, options.ended]);
  const opening = (async (): Promise<ChannelModel> => {
    const resolved = await guard.resolve(broker.host, signal);
    if (signal.aborted) throw tooLate(connectTimeoutMs);
    if (!resolved.ok) throw new NetworkRefusal(resolved.code, resolved.message);
    const socket = { ...socketOptions(broker.host, endpoint, options.version), signal };
    return connect(connectOptions(resolved.address, broker.port, endpoint), socket);
  })();
  try {
    const model = await within(opening, connectTimeoutMs);
    return watched(model, () => kill.abort());
  } catch (error) {
    kill.abort();
    throw error;
  }
}

function connectOptions(address: string, port: number, endpoint: Endpoint): Parameters<typeof connect>[0] {
  return {
    protocol: endpoint.secure ? 'amqps' : 'amqp',
    hostname: address,
    port,
    username: endpoint.username,
    password: endpoint.password,
    // The library decodes it.
    vhost: encodeURIComponent(endpoint.vhost),
    heartbeat: endpoint.heartbeatSeconds,
  };
}

function socketOptions(host: string, { secure, tls, mechanism }: Endpoint, version: string): SocketOptions {
  const name = serverName(host, tls);
  return {
    noDelay: true,
    clientProperties: { connection_name: 'distributor', product: 'Distributor', version },
    ...(mechanism === 'external' ? { credentials: credentials.external() } : {}),
    ...(secure ? { ...nodeTls(tls), ...(name === undefined ? {} : { servername: name }) } : {}),
  };
}

function watched(model: ChannelModel, kill: () => void): Link {
  const link: Link = { model, closed: false, blocked: undefined, kill };
  // The end of the connection reaches each message by its lane.
  model.on('error', () => undefined);
  model.on('close', () => {
    link.closed = true;
    // The library only ends its half: over a cut link TCP would hold the socket for minutes.
    kill();
  });
  model.on('blocked', (reason: string) => (link.blocked = reason));
  model.on('unblocked', () => (link.blocked = undefined));
  return link;
}

const tooLate = (ms: number): NetworkRefusal =>
  new NetworkRefusal('UND_ERR_CONNECT_TIMEOUT', `The broker did not answer within ${ms} ms.`);

/** `work`, or a rejection with NetworkRefusal when it takes longer; `work` itself goes on. */
function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(tooLate(ms)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
