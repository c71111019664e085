import { randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { rm } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { readConfiguration } from '../../src/app/configuration';
import { type RunningService, startService } from '../../src/app/service';
import { createDatabase } from './postgres';
import { temporaryDirectory } from './temporary-directory';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  /** Unzipped. */
  body: string;
}

/** A receiver that takes everything and can be waited for. */
export class TestReceiver {
  readonly received: Received[] = [];
  private waiting: { path: string; resolve: (received: Received) => void }[] = [];
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const zipped = request.headers['content-encoding'] === 'gzip';
        response.writeHead(200).end();
        this.note({
          path: request.url ?? '',
          headers: request.headers,
          body: (zipped ? gunzipSync(bytes) : bytes).toString(),
        });
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The first request to this path, as soon as there is one. */
  at(path: string): Promise<Received> {
    const known = this.received.find((one) => one.path === path);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => this.waiting.push({ path, resolve }));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private note(received: Received): void {
    this.received.push(received);
    for (const { path, resolve } of this.waiting) if (path === received.path) resolve(received);
    this.waiting = this.waiting.filter(({ path }) => path !== received.path);
  }
}

export interface Answer {
  status: number;
  // What an endpoint answers is looked at field by field in the tests.
  body: Record<string, unknown>;
}

/** The whole service on a database of its own, in this process, with a platform key. */
export class TestService {
  private constructor(
    readonly running: RunningService,
    private readonly adminKey: string,
    private readonly cleanUp: () => Promise<void>,
  ) {}

  static async start(env: NodeJS.ProcessEnv = {}): Promise<TestService> {
    const database = await createDatabase();
    const directory = await temporaryDirectory('service');
    const adminKey = `zk_${randomBytes(16).toString('hex')}`;
    const configuration = readConfiguration({
      DATABASE_URL: database.url,
      DATA_DIR: directory,
      BOOTSTRAP_ADMIN_KEY: adminKey,
      API_HOST: '127.0.0.1',
      API_PORT: '0',
      DESTINATION_ALLOWED_NETWORKS: '127.0.0.0/8',
      LOG_LEVEL: 'silent',
      ...env,
    });
    const running = await startService(configuration);
    return new TestService(running, adminKey, async () => {
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    });
  }

  async call(tenant: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.running.url}/api/v1${path}`, {
      method,
      headers: { 'x-api-key': this.adminKey, 'x-tenant-id': tenant, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
  }

  /** As `call`, where only success will do. */
  async must(tenant: string, method: string, path: string, body?: unknown): Promise<Answer['body']> {
    const answer = await this.call(tenant, method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async stop(): Promise<void> {
    await this.running.stop();
    await this.cleanUp();
  }
}
