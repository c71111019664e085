import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';

export interface Receiver {
  url: string;
  /** Requests seen so far, a few milliseconds old. */
  count(): number;
  deliveries(): number;
  /** Resolves when so many requests have come, with the time (performance.now) at which it was noticed. */
  reaches(count: number): Promise<number>;
  stop(): void;
}

export async function startReceiver(): Promise<Receiver> {
  const child = fork(join(__dirname, 'receiver.js'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  let seen = { count: 0, deliveries: 0 };
  const waiting: { count: number; resolve: (at: number) => void }[] = [];
  child.on('message', (message: { count: number; deliveries: number }) => {
    seen = message;
    for (const { count, resolve } of waiting) if (seen.count >= count) resolve(performance.now());
  });
  return {
    url: `http://127.0.0.1:${port}`,
    count: () => seen.count,
    deliveries: () => seen.deliveries,
    reaches: (count) => new Promise((resolve) => waiting.push({ count, resolve })),
    stop: () => void child.kill(),
  };
}

export interface Service {
  url: string;
  adminKey: string;
  rssMb(): Promise<number>;
  stop(): Promise<void>;
}

/** The built service as its own process on a database of its own. */
export async function startService(
  root: string,
  databaseUrl: string,
  env: NodeJS.ProcessEnv,
): Promise<Service> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributor-bench-'));
  const adminKey = `zk_${randomBytes(16).toString('hex')}`;
  const child = spawn(process.execPath, [join(root, 'dist', 'src', 'main.js')], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
      BOOTSTRAP_ADMIN_KEY: adminKey,
      API_PORT: '0',
      API_HOST: '127.0.0.1',
      DESTINATION_ALLOWED_NETWORKS: '127.0.0.0/8',
      LOG_LEVEL: 'info',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await readyUrl(child);
  return {
    url,
    adminKey,
    rssMb: async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1] ?? 0) / 1_048_576;
    },
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(dataDir, { recursive: true, force: true });
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
  return { url: url.toString(), drop: () => query(admin, `DROP DATABASE ${name} WITH (FORCE)`) };
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
  } catch (error) {
    throw new Error(`the benchmark needs a PostgreSQL: set BENCH_DATABASE_URL (${(error as Error).message})`);
  }
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
