import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server } from 'node:https';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { type TLSSocket } from 'node:tls';
import { type JsonObject } from '../../src/kernel/json';
import { type Certificates, makeCertificates } from './certificates';
import { type Arrival, type Behaviour, type ProtocolHarness, RECEIVER_NAME } from './harness';

export interface RestRequest extends Arrival {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** Common name of the client's certificate, where one came. */
  client: string | undefined;
}

export type Handler = (request: RestRequest, response: ServerResponse) => void;

const TOKEN = 'token-of-the-good-9b1f';
const WRONG_TOKEN = 'token-of-the-wrong-77aa';

/** Bodies beyond this are counted and hashed, not kept. */
const KEEP_BYTES = 65_536;

const portOf = (server: { address(): AddressInfo | string | null }): number =>
  (server.address() as AddressInfo).port;

const listen = (server: Server | TcpServer, port = 0): Promise<void> =>
  new Promise((resolve) => void server.listen(port, '127.0.0.1', resolve));

/** A receiver for HTTPS (and plain HTTP on a second port), whose answers the test decides. */
export class RestHarness implements ProtocolHarness {
  readonly protocol = 'REST';
  readonly notApplicable = {
    'refused health check': 'a receiver that answers 401 to HEAD may take deliveries all the same',
  };
  certificates: Certificates = makeCertificates(RECEIVER_NAME);
  port = 0;
  plainPort = 0;
  private server: Server | undefined;
  private plain: ReturnType<typeof createServer> | undefined;
  private silentServer: TcpServer | undefined;
  private readonly sockets = new Set<Socket>();
  private handler: Handler = behaviours.accept;
  private requests: RestRequest[] = [];
  private waiting: (() => void)[] = [];
  private opened = 0;

  async start(): Promise<void> {
    const { ca, server } = this.certificates;
    this.server = createSecureServer(
      { ...server, ca, requestCert: true, rejectUnauthorized: false },
      this.onRequest,
    );
    this.plain = createServer(this.onRequest);
    this.silentServer = createTcpServer((socket) => this.remember(socket));
    for (const one of [this.server, this.plain])
      one.on('connection', (socket: Socket) => this.remember(socket));
    await Promise.all([listen(this.server), listen(this.plain), listen(this.silentServer)]);
    this.port = portOf(this.server);
    this.plainPort = portOf(this.plain);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const servers = [this.server, this.plain, this.silentServer];
    await Promise.all(
      servers.map((server) => new Promise<void>((resolve) => void server?.close(() => resolve()))),
    );
  }

  behave(behaviour: Behaviour): void {
    this.handler = behaviours[behaviour];
  }

  /** For the cases of HTTP's own. */
  answerBy(handler: Handler): void {
    this.handler = handler;
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

  arrivals(): RestRequest[] {
    return this.requests.splice(0);
  }

  /** A receiver that honours `webhook-id` acts once for each id, however often it comes. */
  effects(): number {
    return new Set(this.requests.map(({ id }) => id)).size;
  }

  connections(): number {
    return this.opened;
  }

  good(): JsonObject {
    return this.withHost(RECEIVER_NAME);
  }

  withHost(host: string): JsonObject {
    return this.at(`https://${host}:${this.port}/hook`);
  }

  /** The good configuration with another endpoint and further fields. */
  at(endpoint: string, more: JsonObject = {}): JsonObject {
    return { endpoint, auth: { type: 'bearer', token: TOKEN }, tls: { ca: this.certificates.ca }, ...more };
  }

  silent(): JsonObject {
    const port = this.silentServer === undefined ? 0 : portOf(this.silentServer);
    return this.at(`https://${RECEIVER_NAME}:${port}/`, { connect_timeout_seconds: 0.3 });
  }

  wrongCredentials(): JsonObject {
    return { ...this.good(), auth: { type: 'bearer', token: WRONG_TOKEN } };
  }

  untrusted(): JsonObject {
    return { ...this.good(), tls: {} };
  }

  templated(): JsonObject {
    return this.at(`https://${RECEIVER_NAME}:${this.port}/named/{payload.name}/end`, {
      headers: { 'x-name': '{payload.name}' },
    });
  }

  faulty(): { configuration: JsonObject; field: string; issue: string }[] {
    const good = this.good();
    const at = (endpoint: string): JsonObject => ({ ...good, endpoint });
    const field = 'configuration.endpoint';
    return [
      { configuration: {}, field, issue: 'is required; add it' },
      { configuration: at('https:/example.com'), field, issue: 'must begin with http:// or https://' },
      { configuration: at('ftp://example.com/'), field, issue: 'must begin with http:// or https://' },
      {
        configuration: at('https://a:b@example.com/'),
        field,
        issue: 'must not contain a user name or password',
      },
      {
        configuration: at('https://{payload.host}/'),
        field,
        issue: 'must not have placeholders before the path',
      },
      { configuration: at('https://example.com/{oops}'), field, issue: 'unknown placeholder {oops}' },
      { configuration: at('https://example.com/a b'), field, issue: 'must not contain blanks' },
      {
        configuration: { ...good, method: 'TRACE' },
        field: 'configuration.method',
        issue: 'must be one of: GET, POST',
      },
      {
        configuration: { ...good, metod: 'GET' },
        field: 'configuration.metod',
        issue: 'is not a known property',
      },
      {
        configuration: { ...good, headers: { 'Webhook-Id': 'x' } },
        field: 'configuration.headers.Webhook-Id',
        issue: 'cannot be configured',
      },
      {
        configuration: { ...good, headers: { x: 'a\r\nb: c' } },
        field: 'configuration.headers.x',
        issue: 'must not contain line breaks',
      },
      {
        configuration: { ...good, headers: { Authorization: 'x' } },
        field: 'configuration.headers.Authorization',
        issue: 'is set twice',
      },
      {
        configuration: { ...good, auth: { type: 'bearer' } },
        field: 'configuration.auth.token',
        issue: 'token_env_var in its place',
      },
      {
        configuration: { ...good, auth: { type: 'oauth2' } },
        field: 'configuration.auth.token_url',
        issue: 'is required',
      },
      {
        configuration: { ...good, tls: { ca: '/etc/ca.pem' } },
        field: 'configuration.tls.ca',
        issue: 'is not a PEM certificate',
      },
      {
        configuration: { ...good, retry_statuses: ['599-500'] },
        field: 'configuration.retry_statuses[0]',
        issue: 'turn the range round',
      },
      {
        configuration: { ...good, signing_secret: 'short' },
        field: 'configuration.signing_secret',
        issue: 'whsec_',
      },
    ];
  }

  secrets(): string[] {
    return [TOKEN, WRONG_TOKEN];
  }

  private remember(socket: Socket): void {
    this.opened++;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }

  private readonly onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const hash = createHash('sha256');
    const kept: Buffer[] = [];
    let bytes = 0;
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => {
      if (bytes < KEEP_BYTES) kept.push(chunk);
      bytes += chunk.length;
      hash.update(chunk);
    });
    request.on('end', () => {
      const arrival = describe(request, Buffer.concat(kept).toString(), bytes, hash.digest('hex'));
      this.take(arrival, response);
    });
  };

  private take(arrival: RestRequest, response: ServerResponse): void {
    for (const resolve of this.waiting.splice(0)) resolve();
    if (arrival.headers.authorization === `Bearer ${WRONG_TOKEN}`) {
      response.writeHead(401).end(`unknown: ${arrival.headers.authorization}`);
      return;
    }
    // A HEAD is a health check: it must not count as an arrival.
    if (arrival.method === 'HEAD') {
      response.writeHead(204).end();
      return;
    }
    this.requests.push(arrival);
    this.handler(arrival, response);
  }
}

function describe(request: IncomingMessage, body: string, bytes: number, sha256: string): RestRequest {
  const named = /^\/named\/([^/?#]*)\/end$/.exec(request.url ?? '')?.[1];
  const header = request.headers['x-name'];
  const client = request.socket as Partial<TLSSocket>;
  const subject = client.getPeerCertificate?.().subject as { CN?: string } | undefined;
  return {
    id: String(request.headers['webhook-id']),
    name:
      named === undefined ? undefined : same(decodeURIComponent(named), decodeURIComponent(String(header))),
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    client: subject?.CN,
    body,
    bytes,
    sha256,
  };
}

/** The name has arrived in path and header; where they differ, no test takes it for the right one. */
const same = (inPath: string, inHeader: string): string =>
  inPath === inHeader ? inPath : `path ${inPath}, header ${inHeader}`;

const behaviours: Record<Behaviour, Handler> = {
  accept: (_request, response) => void response.writeHead(200).end('thank you'),
  'fail-for-now': (request, response) => void response.writeHead(503).end(JSON.stringify(request.headers)),
  refuse: (request, response) => void response.writeHead(422).end(JSON.stringify(request.headers)),
  'never-answer': () => undefined,
  echo: (request, response) => void response.writeHead(200).end(JSON.stringify(request)),
};
