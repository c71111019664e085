import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import S3rver from '@20minutes/s3rver';
import { type JsonObject } from '../../src/kernel/json';
import { temporaryDirectory } from '../support/temporary-directory';
import { type Certificates, makeCertificates } from './certificates';
import { type Arrival, type Behaviour, type ProtocolHarness, RECEIVER_NAME, sha256 } from './harness';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface StoredObject extends Arrival {
  key: string;
  /** As the server keeps it: `content-type`, `x-amz-meta-…` and the like. */
  metadata: Record<string, string>;
}

const SESSION_TOKEN = 'session-token-4be2c7/x+y==';
const SECRET_KEY = 'S3RVER';
const WRONG_SECRET = 'wrong-secret-key-19c3a';

const listen = (server: Server, port = 0): Promise<void> =>
  new Promise((resolve) => void server.listen(port, '127.0.0.1', resolve));

const portOf = (server: Server | undefined): number => (server?.address() as AddressInfo).port;

/** An error as S3 writes it; repeats all headers of the request, the session token among them. */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  request.resume();
  const echoed = JSON.stringify(request.headers).replace(/[<>&]/g, ' ');
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${echoed}</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(xml);
}

/**
 * An S3 server that verifies every signature (@20minutes/s3rver), behind HTTPS and plain HTTP servers of the
 * test's own, which decide what becomes of a request before it gets there.
 */
export class S3Harness implements ProtocolHarness {
  readonly protocol = 'S3';
  readonly notApplicable = {};
  readonly certificates: Certificates = makeCertificates(RECEIVER_NAME);
  readonly bucket = `ordinances-${randomBytes(4).toString('hex')}`;
  /** What came, health checks included: method and path. */
  readonly seen: { method: string; url: string; headers: IncomingMessage['headers'] }[] = [];
  private home = '';
  private s3!: S3rver;
  private store!: Handler;
  private secure: Server | undefined;
  private plain: Server | undefined;
  private silentServer: Server | undefined;
  private port = 0;
  private readonly sockets = new Set<Socket>();
  private handler: Handler = () => undefined;
  private waiting: (() => void)[] = [];
  private opened = 0;

  async start(): Promise<void> {
    this.home = await temporaryDirectory('s3');
    this.s3 = new S3rver({
      directory: this.home,
      silent: true,
      // It would take the host name for the bucket's.
      vhostBuckets: false,
      configureBuckets: [{ name: this.bucket }],
    });
    await this.s3.configureBuckets();
    this.store = this.aboutBuckets(this.s3.callback());
    this.handler = this.store;
    this.secure = createHttps(this.certificates.server, this.onRequest);
    this.plain = createHttp(this.onRequest);
    this.silentServer = createTcp();
    for (const server of [this.secure, this.plain, this.silentServer]) {
      server.on('connection', (socket: Socket) => this.remember(socket));
      await listen(server);
    }
    this.port = portOf(this.secure);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    for (const server of [this.secure, this.plain, this.silentServer]) {
      await new Promise<void>((resolve) => void server?.close(() => resolve()));
    }
    this.s3.logger.exceptions.unhandle();
    this.s3.logger.close();
    await rm(this.home, { recursive: true, force: true });
  }

  behave(behaviour: Behaviour): void {
    this.handler = {
      accept: this.store,
      'fail-for-now': ((request, response) => answerError(request, response, 503, 'SlowDown')) as Handler,
      refuse: ((request, response) => answerError(request, response, 400, 'InvalidStorageClass')) as Handler,
      'never-answer': (() => undefined) as Handler,
      echo: this.store,
    }[behaviour];
  }

  /** For the cases of S3's own: the handler may pass a request on to the store. */
  answerBy(handler: (request: IncomingMessage, response: ServerResponse, store: Handler) => void): void {
    this.handler = (request, response) => handler(request, response, this.store);
  }

  async disappear(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.secure?.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async comeBack(): Promise<void> {
    if (this.secure !== undefined) await listen(this.secure, this.port);
  }

  received(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async arrivals(): Promise<StoredObject[]> {
    const { objects } = await this.s3.store.listObjects(this.bucket, {});
    const found: StoredObject[] = [];
    for (const { key } of objects) found.push(await this.take(key));
    this.seen.splice(0);
    return found;
  }

  /** The objects of several deliveries, with their lines read. */
  async objects(): Promise<{ key: string; lines: Record<string, unknown>[] }[]> {
    const { objects } = await this.s3.store.listObjects(this.bucket, {});
    return Promise.all(
      objects.map(async ({ key }) => {
        const text = await readFile(this.s3.store.getResourcePath(this.bucket, key, 'object'), 'utf8');
        const lines = text.trimEnd().split('\n');
        return { key, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
      }),
    );
  }

  async effects(): Promise<number> {
    return (await this.s3.store.listObjects(this.bucket, {})).objects.length;
  }

  connections(): number {
    return this.opened;
  }

  good(): JsonObject {
    return this.withHost(RECEIVER_NAME);
  }

  withHost(host: string): JsonObject {
    return this.at(`https://${host}:${this.port}`);
  }

  at(endpoint: string, more: JsonObject = {}): JsonObject {
    return {
      endpoint,
      force_path_style: true,
      bucket: this.bucket,
      key: '{delivery_id}.json',
      credentials: {
        access_key_id: 'S3RVER',
        secret_access_key: SECRET_KEY,
        session_token: SESSION_TOKEN,
      },
      tls: { ca: this.certificates.ca },
      ...more,
    };
  }

  /** The same by plain HTTP. */
  plainly(more: JsonObject = {}): JsonObject {
    return this.at(`http://${RECEIVER_NAME}:${portOf(this.plain)}`, more);
  }

  silent(): JsonObject {
    const endpoint = `https://${RECEIVER_NAME}:${portOf(this.silentServer)}`;
    return this.at(endpoint, { connect_timeout_seconds: 0.3 });
  }

  wrongCredentials(): JsonObject {
    const credentials = { access_key_id: 'S3RVER', secret_access_key: WRONG_SECRET };
    return { ...this.good(), credentials };
  }

  untrusted(): JsonObject {
    return { ...this.good(), tls: {} };
  }

  templated(): JsonObject {
    return { ...this.good(), key: 'named/{payload.name}/end', metadata: { name: '{payload.name}' } };
  }

  faulty(): { configuration: JsonObject; field: string; issue: string }[] {
    const good = this.good();
    const fault = (field: string, value: unknown, issue: string) => ({
      configuration: { ...good, [field]: value } as JsonObject,
      field: `configuration.${field}`,
      issue,
    });
    return [
      { configuration: {}, field: 'configuration.bucket', issue: 'is required; add it' },
      {
        configuration: { ...good, tls: { ca: 'nonsense' } },
        field: 'configuration.tls.ca',
        issue: 'is not a PEM certificate',
      },
      fault('bucket', 'Upper_Case', 'is no name of a bucket'),
      fault('bucket', '{oops}', 'unknown placeholder {oops}'),
      fault('key', '{oops}', 'unknown placeholder {oops}'),
      fault('key', '/a', 'must not begin with a slash'),
      fault('key', 'a/../b', 'must not contain the steps'),
      fault('region', 'x.evil.example/', 'does not have the right form'),
      fault('endpoint', 'ftp://example.com', 'must begin with http:// or https://'),
      fault('endpoint', 'https://example.com/bucket', 'must end after host and port'),
      fault('endpoint', 'https://a:b@example.com', 'must not contain a user name or password'),
      fault('encryption', 'rot13', 'must be one of: AES256, aws:kms'),
      fault('kms_key_id', 'alias/x', 'needs "encryption": "aws:kms"'),
      fault('checksums', 'never', 'must be one of: when_required, always'),
      fault('buckets', 'x', 'is not a known property'),
      fault('part_size_bytes', 1024, 'must be >= 5242880'),
      {
        configuration: { ...good, credentials: { access_key_id: 'x' } },
        field: 'configuration.credentials.secret_access_key',
        issue: 'is required',
      },
      {
        configuration: { ...good, metadata: { 'Delivery-Id': 'x' } },
        field: 'configuration.metadata.Delivery-Id',
        issue: 'is set by the service',
      },
    ];
  }

  secrets(): string[] {
    return [SESSION_TOKEN, WRONG_SECRET];
  }

  /**
   * The server verifies signatures over `/bucket`, while the SDK rightly signs `/bucket/` when it asks for a
   * bucket: mounted under `/bucket`, the server verifies what was signed.
   */
  private aboutBuckets(store: Handler): Handler {
    return (request, response) => {
      const bucket = request.method === 'HEAD' ? /^\/([^/?]+)\/$/.exec(request.url ?? '')?.[1] : undefined;
      if (bucket === undefined) return store(request, response);
      if (bucket !== this.bucket) return void response.writeHead(404).end();
      store(Object.assign(request, { url: '/', baseUrl: `/${bucket}` }), response);
    };
  }

  private async take(key: string): Promise<StoredObject> {
    const { store } = this.s3;
    const bytes = await readFile(store.getResourcePath(this.bucket, key, 'object'));
    const metadata = await store.getMetadata(this.bucket, key);
    await store.deleteObject(this.bucket, key);
    const named = /^named\/(.*)\/end$/s.exec(key)?.[1];
    const header = metadata['x-amz-meta-name'];
    return {
      id: metadata['x-amz-meta-delivery-id'] ?? '',
      name:
        named === undefined ? undefined : same(decodeURIComponent(named), decodeURIComponent(header ?? '')),
      key,
      metadata,
      bytes: bytes.length,
      sha256: sha256(bytes),
    };
  }

  private remember(socket: Socket): void {
    this.opened++;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }

  private readonly onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    request.on('error', () => undefined);
    this.seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    for (const resolve of this.waiting.splice(0)) resolve();
    this.handler(request, response);
  };
}

/** The name has arrived in key and metadata; where they differ, no test takes it for the right one. */
const same = (inKey: string, inMetadata: string): string =>
  inKey === inMetadata ? inKey : `key ${inKey}, metadata ${inMetadata}`;
