import { randomBytes } from 'node:crypto';
import {
  type AddressInfo,
  connect as tcpConnect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { type JsonObject } from '../../src/kernel/json';
import { findRabbitmq } from '../support/rabbitmq';
import { AmqpFrames } from './amqp-frames';
import { type Certificates, makeCertificates } from './certificates';
import { type Arrival, type Behaviour, type ProtocolHarness, RECEIVER_NAME, sha256 } from './harness';

const WRONG_PASSWORD = 'password-of-the-wrong-41cc';

export interface AmqpArrival extends Arrival {
  message: GetMessage;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

const listen = (server: Server, port = 0): Promise<void> =>
  new Promise((resolve) => void server.listen(port, '127.0.0.1', resolve));

/**
 * A real RabbitMQ behind a door of our own: the door speaks TLS with the test's certificates, can be shut, and can
 * hold on to what is published. What is refused, dropped or not taken is the broker's own doing.
 */
export class AmqpHarness implements ProtocolHarness {
  readonly protocol = 'AMQP';
  readonly notApplicable = { 'echoed secrets': 'a broker repeats nothing of what it was sent' };
  readonly certificates: Certificates = makeCertificates(RECEIVER_NAME);
  /** Unique, for the broker is shared with other tests. */
  readonly prefix = `distributor-test-${randomBytes(6).toString('hex')}`;
  readonly exchange = `${this.prefix}.exchange`;
  readonly queue = `${this.prefix}.queue`;
  readonly fullQueue = `${this.prefix}.full`;
  /** The broker without the door, e.g. for URLs; plain text. */
  brokerUrl = new URL('amqp://localhost');
  /** Names of the client certificates that came through the door. */
  readonly clients: string[] = [];
  admin: ConfirmChannel | undefined;
  private connection: ChannelModel | undefined;
  private server: Server | undefined;
  private silentServer: Server | undefined;
  private port = 0;
  private holding = false;
  private readonly sockets = new Set<Socket>();
  private waiting: (() => void)[] = [];
  private opened = 0;

  async start(): Promise<void> {
    this.brokerUrl = new URL(await findRabbitmq());
    this.connection = await connect(this.brokerUrl.href);
    this.admin = await this.connection.createConfirmChannel();
    await this.admin.assertExchange(this.exchange, 'topic', { durable: false, autoDelete: false });
    await this.admin.assertQueue(this.queue, { exclusive: true });
    const noRoom = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    await this.admin.assertQueue(this.fullQueue, { exclusive: true, arguments: noRoom });
    this.admin.sendToQueue(this.fullQueue, Buffer.from('in the way'));
    await this.admin.waitForConfirms();
    const { ca, server } = this.certificates;
    this.server = createTlsServer(
      { ...server, ca, requestCert: true, rejectUnauthorized: false },
      this.enter,
    );
    this.server.on('tlsClientError', () => undefined);
    this.server.on('connection', (socket: Socket) => this.remember(socket));
    this.silentServer = createTcpServer((socket) => this.remember(socket));
    await Promise.all([listen(this.server), listen(this.silentServer)]);
    this.port = portOf(this.server);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const closed = [this.server, this.silentServer].map(
      (server) =>
        new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))),
    );
    await Promise.all(closed);
    await this.admin?.deleteExchange(this.exchange);
    // The exclusive queues go with their connection.
    await this.connection?.close();
  }

  async behave(behaviour: Behaviour): Promise<void> {
    this.holding = behaviour === 'never-answer';
    const target = { 'fail-for-now': this.fullQueue, refuse: undefined }[behaviour as string] ?? this.queue;
    for (const queue of [this.queue, this.fullQueue]) {
      if (behaviour !== 'refuse' && queue === target) await this.channel.bindQueue(queue, this.exchange, '#');
      else await this.channel.unbindQueue(queue, this.exchange, '#');
    }
  }

  async disappear(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.server?.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async comeBack(): Promise<void> {
    if (this.server !== undefined) await listen(this.server, this.port);
  }

  received(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async arrivals(): Promise<AmqpArrival[]> {
    const arrived: AmqpArrival[] = [];
    for (;;) {
      const message = await this.channel.get(this.queue, { noAck: true });
      if (message === false) return arrived;
      arrived.push(describe(message));
    }
  }

  /** A consumer that knows repeats by `message_id`. */
  async effects(): Promise<number> {
    return new Set((await this.arrivals()).map(({ id }) => id)).size;
  }

  connections(): number {
    return this.opened;
  }

  good(): JsonObject {
    return this.withHost(RECEIVER_NAME);
  }

  withHost(host: string): JsonObject {
    return this.at({ host });
  }

  /** The good configuration with other fields of the connection, and further fields. */
  at(connection: JsonObject, more: JsonObject = {}): JsonObject {
    return {
      connection: {
        host: RECEIVER_NAME,
        port: this.port,
        vhost: decodeURIComponent(this.brokerUrl.pathname.slice(1)) || '/',
        credentials: {
          username: decodeURIComponent(this.brokerUrl.username),
          password: decodeURIComponent(this.brokerUrl.password),
        },
        tls: { ca: this.certificates.ca },
        ...connection,
      },
      exchange: this.exchange,
      routing_key: 'orders.new',
      ...more,
    };
  }

  silent(): JsonObject {
    const port = this.silentServer === undefined ? 0 : portOf(this.silentServer);
    return this.at({ port }, { connect_timeout_seconds: 0.3 });
  }

  wrongCredentials(): JsonObject {
    return this.at({ credentials: { username: 'nobody', password: WRONG_PASSWORD } });
  }

  untrusted(): JsonObject {
    return this.at({ tls: {} });
  }

  templated(): JsonObject {
    return this.at({}, { routing_key: 'named.{payload.name}', headers: { 'x-name': '{payload.name}' } });
  }

  faulty(): { configuration: JsonObject; field: string; issue: string }[] {
    const url = (text: string, more: JsonObject = {}): JsonObject => ({
      connection: { url: text, ...more },
      routing_key: 'q',
    });
    const field = (name: string): string => `configuration.${name}`;
    return [
      { configuration: {}, field: field('connection'), issue: 'is required; add it' },
      {
        configuration: { connection: {} },
        field: field('connection.host'),
        issue: 'or hosts or url in its place',
      },
      {
        configuration: this.at({ hosts: ['a.example.com'] }),
        field: field('connection.hosts'),
        issue: 'give only one',
      },
      {
        configuration: this.at({ host: 'a{payload.x}' }),
        field: field('connection.host'),
        issue: 'must not have placeholders',
      },
      {
        configuration: this.at({ port: 70_000 }),
        field: field('connection.port'),
        issue: 'must be <= 65535',
      },
      {
        configuration: this.at({ mechanism: 'external' }),
        field: field('connection.tls.cert'),
        issue: 'is required',
      },
      { configuration: this.at({ tls: { ca: 'x' } }), field: field('connection.tls.ca'), issue: 'not a PEM' },
      {
        configuration: url('http://example.com/'),
        field: field('connection.url'),
        issue: 'is not a valid URL',
      },
      { configuration: url('amqp://example.com/a/b'), field: field('connection.url'), issue: 'write %2F' },
      {
        configuration: url('amqps://example.com/?cacertfile=/etc/ca.pem'),
        field: field('connection.url'),
        issue: 'certificates go under tls',
      },
      {
        configuration: url('amqp://example.com/', { port: 1 }),
        field: field('connection.port'),
        issue: 'beside url',
      },
      {
        configuration: url('amqp://example.com/', { tls: {} }),
        field: field('connection.tls'),
        issue: 'write amqps',
      },
      {
        configuration: this.at({}, { exchange: '{oops}' }),
        field: field('exchange'),
        issue: 'unknown placeholder',
      },
      {
        configuration: this.at({}, { exchange: 'é'.repeat(200) }),
        field: field('exchange'),
        issue: '255 bytes',
      },
      {
        configuration: this.at({}, { exchange: '', routing_key: '' }),
        field: field('routing_key'),
        issue: 'is required for the default exchange',
      },
      {
        configuration: this.at({}, { delivery_mode: 3 }),
        field: field('delivery_mode'),
        issue: 'must be one of: 1, 2',
      },
      {
        configuration: this.at({}, { headers: { 'X-Tenant-ID': 'other' } }),
        field: field('headers.X-Tenant-ID'),
        issue: 'cannot be configured',
      },
      {
        configuration: this.at({}, { headers: { CC: 'q' } }),
        field: field('headers.CC'),
        issue: 'read by the broker',
      },
      {
        configuration: this.at({}, { properties: { message_id: 'x' } }),
        field: field('properties.message_id'),
        issue: 'is not a known property',
      },
      {
        configuration: this.at({}, { properties: { expiration: '1 h' } }),
        field: field('properties.expiration'),
        issue: 'as a whole number',
      },
    ];
  }

  secrets(): string[] {
    // The default account of a local broker is guest with the password guest: that word is no secret.
    const password = decodeURIComponent(this.brokerUrl.password);
    return [WRONG_PASSWORD, ...(password === 'guest' ? [] : [password])];
  }

  get channel(): ConfirmChannel {
    if (this.admin === undefined) throw new Error('start the harness first');
    return this.admin;
  }

  private remember(socket: Socket): void {
    this.opened++;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }

  private readonly enter = (client: TLSSocket): void => {
    const name = (client.getPeerCertificate().subject as { CN?: string } | undefined)?.CN;
    if (name !== undefined && client.authorized) this.clients.push(name);
    const broker = tcpConnect(Number(this.brokerUrl.port) || 5672, this.brokerUrl.hostname);
    const frames = new AmqpFrames();
    let held = false;
    client.on('data', (chunk: Buffer) => {
      if (frames.publishes(chunk)) {
        for (const resolve of this.waiting.splice(0)) resolve();
        held ||= this.holding;
      }
      if (!held && !broker.write(chunk)) client.pause();
    });
    broker.on('drain', () => client.resume());
    broker.pipe(client);
    client.on('error', () => undefined).on('close', () => broker.destroy());
    broker.on('error', () => undefined).on('close', () => client.destroy());
  };
}

function describe(message: GetMessage): AmqpArrival {
  const key = /^named\.(.*)$/s.exec(message.fields.routingKey)?.[1];
  const header: unknown = message.properties.headers?.['x-name'];
  const named = key === undefined ? undefined : decodeURIComponent(key);
  return {
    id: String(message.properties.messageId),
    // The name has arrived in key and header; where they differ, no test takes it for the right one.
    name: named === undefined || named === header ? named : `key ${named}, header ${String(header)}`,
    bytes: message.content.length,
    sha256: sha256(message.content),
    message,
  };
}
