import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable } from 'node:stream';
import { within } from './eventually';
import { temporaryDirectory } from './temporary-directory';

const MAIN = join(__dirname, '..', '..', 'dist', 'src', 'main.js');
/** On a machine with many others at work. */
const START_MS = 90_000;
const STOP_MS = 30_000;

export type LogRecord = { level: number; msg: string; [field: string]: unknown };

export interface ServiceOptions {
  databaseUrl: string;
  env?: NodeJS.ProcessEnv;
  /** Of an earlier process whose work this one takes over; otherwise an own one that goes with `dispose`. */
  dataDir?: string;
  /** For Node itself, e.g. `--require` of a module. */
  nodeFlags?: string[];
  /** What starts Node, e.g. on another host; it becomes Node, so that signals reach it. */
  launcher?: readonly string[];
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Limits have their own tests; no other one should meet them. */
export const UNLIMITED = {
  RATE_LIMIT_REQUESTS: '1000000',
  BURST_LIMIT: '1000000',
  API_KEY_RATE_LIMIT_REQUESTS: '1000000',
};

/** Should a run be interrupted, no service outlives its test. */
const running = new Set<Child>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** The built service as a process of its own on a database of the test. */
export class TestService {
  readonly adminKey = `zk_${randomBytes(16).toString('hex')}`;
  /** Everything it logged, over all its starts. */
  readonly logs: LogRecord[] = [];
  stderr = '';
  url = '';
  private child: Child | undefined;
  private stopping = false;
  private exited: Promise<number | null> = Promise.resolve(null);
  private watchers: ((record: LogRecord) => void)[] = [];

  private constructor(
    private readonly options: ServiceOptions,
    readonly dataDir: string,
  ) {}

  /** Returns when it says that it is ready; fails with what it said when it ends before that. */
  static async start(options: ServiceOptions): Promise<TestService> {
    const service = new TestService(options, options.dataDir ?? (await temporaryDirectory('service')));
    try {
      await service.start();
    } catch (error) {
      await service.dispose();
      throw error;
    }
    return service;
  }

  /** How a start that is refused ends: exit code and words. */
  static async refusal(options: ServiceOptions): Promise<{ code: number | null; words: string }> {
    const service = new TestService(options, await temporaryDirectory('service'));
    service.launch();
    const code = await within(START_MS, 'the refusal to start', service.exited).finally(() =>
      service.dispose(),
    );
    return { code, words: service.stderr };
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('the service is not running');
    return this.child.pid;
  }

  /** Again on the same database and data directory, after `stop` or `kill`. */
  async start(): Promise<void> {
    this.launch();
    const ready = this.nextLog(({ msg }) => msg === 'ready');
    const ended = this.exited.then((code) => {
      throw new Error(`the service ended with ${code} before it was ready: ${this.stderr}`);
    });
    const { url } = await within(START_MS, 'the start of the service', Promise.race([ready, ended]));
    this.url = String(url);
  }

  /** The next record of this kind; one that was logged before does not count. */
  nextLog(wanted: (record: LogRecord) => boolean): Promise<LogRecord> {
    return new Promise((resolve) => {
      const watcher = (record: LogRecord): void => {
        if (!wanted(record)) return;
        this.watchers = this.watchers.filter((other) => other !== watcher);
        resolve(record);
      };
      this.watchers.push(watcher);
    });
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Asks it to stop, once: a second SIGTERM would end it at once. */
  beginStop(): void {
    if (!this.stopping) this.child?.kill('SIGTERM');
    this.stopping = true;
  }

  /** SIGTERM; returns the exit code. Idempotent. */
  async stop(): Promise<number | null> {
    this.beginStop();
    return within(STOP_MS, 'the stop of the service', this.exited);
  }

  /** SIGKILL, as a crash; returns when it is dead. Idempotent. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.exited;
  }

  /** Whatever its state: ends it and removes what it left. */
  async dispose(): Promise<void> {
    this.child?.kill('SIGCONT');
    await this.stop().catch(() => this.child?.kill('SIGKILL'));
    if (this.options.dataDir === undefined) await rm(this.dataDir, { recursive: true, force: true });
  }

  private launch(): void {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run "npm run build" first`);
    const { launcher = [], nodeFlags = [] } = this.options;
    const [program = process.execPath, ...words] = [...launcher, process.execPath, ...nodeFlags, MAIN];
    const child = spawn(program, words, {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...this.settings() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    this.stopping = false;
    this.child = child;
    this.exited = once(child, 'close').then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    createInterface({ input: child.stdout }).on('line', (line) => this.onLine(line));
  }

  private settings(): NodeJS.ProcessEnv {
    return {
      DATABASE_URL: this.options.databaseUrl,
      DATA_DIR: this.dataDir,
      BOOTSTRAP_ADMIN_KEY: this.adminKey,
      API_PORT: '0',
      API_HOST: '127.0.0.1',
      DB_POOL_SIZE: '6',
      DESTINATION_ALLOWED_NETWORKS: '127.0.0.0/8',
      ...UNLIMITED,
      DESTINATION_HEALTH_CHECK_INTERVAL: '0',
      ...this.options.env,
    };
  }

  private onLine(line: string): void {
    const record = line.startsWith('{') ? (JSON.parse(line) as LogRecord) : { level: 30, msg: line };
    this.logs.push(record);
    for (const watcher of [...this.watchers]) watcher(record);
  }
}
