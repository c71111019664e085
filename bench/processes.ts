import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

export interface Receiver {
  url: string;
  /** Requests seen so far, a few milliseconds old. */
  count(): number;
  /** Different deliveries among them. */
  deliveries(): number;
  /** Resolves when so many requests have come, with the time (performance.now) at which it was noticed. */
  reaches(count: number): Promise<number>;
  /** Milliseconds from scheduled time to receipt, by path, since the last call. */
  latencies(): Promise<Record<string, number[]>>;
  stop(): void;
}

interface Seen {
  count: number;
  deliveries: number;
}

export async function startReceiver(): Promise<Receiver> {
  const child = fork(join(__dirname, 'receiver.js'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  let seen: Seen = { count: 0, deliveries: 0 };
  let handOver: (latencies: Record<string, number[]>) => void = () => undefined;
  const waiting: { count: number; resolve: (at: number) => void }[] = [];
  child.on('message', (message: Seen | { latencies: Record<string, number[]> }) => {
    if ('latencies' in message) return handOver(message.latencies);
    seen = message;
    for (const { count, resolve } of waiting) if (seen.count >= count) resolve(performance.now());
  });
  return {
    url: `http://127.0.0.1:${port}`,
    count: () => seen.count,
    deliveries: () => seen.deliveries,
    reaches: (count) => new Promise((resolve) => waiting.push({ count, resolve })),
    latencies: () =>
      new Promise((resolve) => {
        handOver = resolve;
        child.send('latencies');
      }),
    stop: () => void child.kill(),
  };
}

export interface Service {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** What the processes of one deployment share. */
export interface Deployment {
  root: string;
  databaseUrl: string;
  adminKey: string;
  encryptionKey: string;
}

export const newDeployment = (root: string, databaseUrl: string): Deployment => ({
  root,
  databaseUrl,
  adminKey: `zk_${randomBytes(16).toString('hex')}`,
  encryptionKey: randomBytes(32).toString('base64'),
});

/** The built service as a process of its own, as `npm start` runs it; `nodeFlags` go to Node.js. */
export async function startService(
  { root, databaseUrl, adminKey, encryptionKey }: Deployment,
  env: NodeJS.ProcessEnv,
  nodeFlags: readonly string[] = [],
): Promise<Service> {
  const asked = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
  const child = spawn(process.execPath, [...asked, ...nodeFlags, join(root, 'dist', 'src', 'main.js')], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      ENCRYPTION_KEYS: encryptionKey,
      BOOTSTRAP_ADMIN_KEY: adminKey,
      API_PORT: '0',
      API_HOST: '127.0.0.1',
      DESTINATION_ALLOWED_NETWORKS: '127.0.0.0/8',
      LOG_LEVEL: 'info',
      RATE_LIMIT_REQUESTS: '100000000',
      BURST_LIMIT: '100000000',
      API_KEY_RATE_LIMIT_REQUESTS: '100000000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await readyUrl(child);
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it was ready`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n')) {
        if (line.includes('"msg":"ready"')) resolve((JSON.parse(line) as { url: string }).url);
        else if (/"level":(50|60)/.test(line)) console.error(line);
      }
    });
  });
}

/** The most memory that a process has had so far, in MB (Linux). */
export function peakRssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / 1024;
}

/** CPU time that a process has used so far, in seconds (Linux, clock ticks of 10 ms); 0 for one that is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

export interface Database {
  url: string;
  drop(): Promise<void>;
}

/** BENCH_DATABASE_URL, or the server on the standard local port; a database of our own, dropped afterwards. */
export async function createDatabase(): Promise<Database> {
  const admin = process.env['BENCH_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  const name = `distributor_bench_${randomBytes(4).toString('hex')}`;
  await query(admin, `CREATE DATABASE ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return {
    url: url.toString(),
    drop: async () => {
      await query(admin, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Runs one statement on a connection of its own. */
export async function query<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
  } catch (error) {
    throw new Error(`the benchmark needs a PostgreSQL: set BENCH_DATABASE_URL (${(error as Error).message})`);
  }
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
