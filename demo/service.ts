import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable } from 'node:stream';
import { shortPath } from './paths';

export interface ServiceOptions {
  dataDir: string;
  adminKey: string;
  logFile: string;
  /** Each line that the service logs, read as JSON. */
  onLog: (line: LogLine) => void;
}

export type LogLine = Record<string, unknown> & { msg: string };

export interface Service {
  /** Where the API listens, once it is ready. Rejects with what the service said when it did not get that far. */
  ready: Promise<string>;
  /** Resolves when the process has ended, asked for or not. */
  ended: Promise<void>;
  hasEnded(): boolean;
  /** In order: deliveries in flight, then PostgreSQL. Idempotent. */
  stop(): Promise<void>;
}

/** Deliveries in flight may take this long to end; then PostgreSQL is stopped as well. */
const GRACE_SECONDS = 5;
const STOP_MS = 30_000;

/** The built service in a process of its own, on the embedded PostgreSQL of the data directory. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const host = process.env['API_HOST'] || '127.0.0.1';
  const port = await choosePort(host);
  // Appended to: it may be the log of a demo that runs on this directory, which the service finds out later.
  const log = createWriteStream(options.logFile, { mode: 0o600, flags: 'a' });
  log.on('error', () => undefined);
  const child = fork(join(__dirname, 'service-process.js'), [], {
    // In a group of its own: Ctrl-C reaches the demo alone, which stops things in their order.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: environment(options, host, port),
  });
  const complaints: string[] = [];
  const url = readyUrl(child.stdout as Readable, log, options.onLog);
  eachLine(child.stderr as Readable, log, (line) => void complaints.push(line));
  const ended = once(child, 'close').then(() => void log.end());
  const died = ended.then(() => Promise.reject(new Error(reasonOf(complaints, options, port))));
  died.catch(() => undefined);
  return {
    ready: Promise.race([url, died]),
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    stop: () => stop(child, ended),
  };
}

/** Only what is named here: settings of another installation have no business in the demo. */
function environment(
  { dataDir, adminKey }: ServiceOptions,
  host: string,
  port: number,
): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'SystemRoot'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    DATA_DIR: dataDir,
    API_HOST: host,
    API_PORT: String(port),
    BOOTSTRAP_ADMIN_KEY: adminKey,
    DESTINATION_ALLOWED_NETWORKS: '127.0.0.0/8',
    WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: String(GRACE_SECONDS),
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'info',
  };
}

/** API_PORT where it is set; else 8000, or any other when 8000 is taken. */
async function choosePort(host: string): Promise<number> {
  const wanted = process.env['API_PORT'];
  if (wanted === undefined || wanted === '') return (await isFree(host, 8000)) ? 8000 : 0;
  const port = Number(wanted);
  if (!/^\d+$/.test(wanted) || port > 65_535)
    throw new Error(`API_PORT=${wanted} is not a port (0 to 65535).`);
  if (port === 0 || (await isFree(host, port))) return port;
  throw new Error(takenPort(port));
}

const takenPort = (port: number): string =>
  `port ${port} is taken by another program. Leave API_PORT unset and the demo finds a free one.`;

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

function readyUrl(output: Readable, log: WriteStream, onLog: (line: LogLine) => void): Promise<string> {
  return new Promise((resolve) => {
    eachLine(output, log, (text) => {
      if (!text.startsWith('{')) return;
      const line = JSON.parse(text) as LogLine;
      onLog(line);
      if (line.msg === 'ready') resolve(String(line['url']));
    });
  });
}

function eachLine(output: Readable, log: WriteStream, onLine: (line: string) => void): void {
  createInterface({ input: output }).on('line', (line) => {
    log.write(`${line}\n`);
    onLine(line);
  });
}

function reasonOf(complaints: readonly string[], { dataDir, logFile }: ServiceOptions, port: number): string {
  const said = complaints.join('\n').replace(/^distributor: /, '');
  const holder = /is in use by another Distributor process \(pid (\d+)\)/.exec(said)?.[1];
  if (holder !== undefined) {
    return (
      `a demo runs on ${shortPath(dataDir)} already (pid ${holder}).\n` +
      `Stop it with Ctrl-C in its terminal, or with "kill ${holder}"; or start another one beside it:\n` +
      '  DATA_DIR=data/demo-2 npm run demo'
    );
  }
  if (said.includes('EADDRINUSE')) return takenPort(port);
  return said === '' ? `the service ended before it was ready; see ${shortPath(logFile)}.` : said;
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
