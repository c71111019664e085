import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { type HelperProcess, startHelper } from '../support/helper-process';
import { temporaryDirectory } from '../support/temporary-directory';

// Servers are started here, on machines of any speed.
jest.setTimeout(60_000);

/** Each test has a data directory; what runs on it afterwards is stopped, also when a test failed half-way. */
let dataDir: string;
let services: HelperProcess[];

beforeEach(async () => {
  dataDir = await temporaryDirectory('embedded');
  services = [];
});

afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  if (existsSync(inData('postgres', 'postmaster.pid'))) await (await start()).stop();
  await rm(dataDir, { recursive: true, force: true });
});

const inData = (...names: string[]): string => join(dataDir, ...names);

async function start(): Promise<HelperProcess> {
  const service = await startHelper('embedded-service.ts', dataDir);
  services.push(service);
  return service;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function keepSomething(url: string): Promise<void> {
  await query(url, 'CREATE TABLE kept (word text)');
  await query(url, `INSERT INTO kept VALUES ('ünïcode')`);
}

const kept = (url: string): Promise<Record<string, unknown>[]> =>
  query(url, 'SELECT word, upper(word) FROM kept');
const KEPT = [{ word: 'ünïcode', upper: 'ÜNÏCODE' }];

const serverStart = async (url: string): Promise<unknown> =>
  (await query(url, 'SELECT pg_postmaster_start_time()::text AS at'))[0]?.at;

const postmasterPid = async (): Promise<number> =>
  Number((await readFile(inData('postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);

describe('start and stop', () => {
  it('makes the database at the first start and keeps data and address for the next one', async () => {
    const first = await start();
    await keepSomething(first.url);
    await first.stop();
    await expect(query(first.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');

    const second = await start();

    expect(second.url).toBe(first.url);
    expect(new URL(second.url).pathname).toBe('/distributor');
    expect(await kept(second.url)).toEqual(KEPT);
    expect(first.logs).toEqual([
      `initialising embedded PostgreSQL 18 in ${inData('postgres')}`,
      `embedded PostgreSQL started on port ${new URL(first.url).port}`,
    ]);
    expect(second.logs).toEqual(first.logs.slice(1));
  });

  it('makes a data directory that is missing', async () => {
    const root = dataDir;
    dataDir = inData('not', 'yet');
    const service = await start();
    expect(await query(service.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await service.stop();
    dataDir = root;
  });

  it('begins anew after a crash in the middle of the first start', async () => {
    await mkdir(inData('postgres.initialising-0000', 'data', 'base'), { recursive: true });
    await writeFile(inData('postgres.initialising-0000', 'data', 'PG_VERSION'), '18\n');
    const service = await start();
    await service.stop();
    expect((await readdir(dataDir)).sort()).toEqual(['embedded-postgres.json', 'postgres']);
  });

  it('moves to another port, and stays there, when its own is taken', async () => {
    const first = await start();
    await keepSomething(first.url);
    await first.stop();
    const squatter = await listen(Number(new URL(first.url).port));
    try {
      const second = await start();
      expect(second.url).not.toBe(first.url);
      expect(await kept(second.url)).toEqual(KEPT);
      await second.stop();
      expect((await start()).url).toBe(second.url);
    } finally {
      squatter.close();
    }
  });

  it('says which directory cannot be used and what to choose instead', async () => {
    const closed = inData('closed');
    await mkdir(closed, { mode: process.getuid?.() === 0 ? 0o700 : 0o500 });
    const refusal = startHelper('embedded-service.ts', join(closed, 'data'));
    await expect(refusal).rejects.toThrow(closed);
    await expect(refusal).rejects.toThrow('Choose another DATA_DIR');
  });
});

describe('one service for a data directory', () => {
  it('refuses a second one, naming directory, pid and remedy, and leaves the first alone', async () => {
    const first = await start();

    const refusal = start();

    await expect(refusal).rejects.toThrow(
      `The data directory ${dataDir} is in use by another Distributor process (pid ${first.pid}). ` +
        `Stop that process first (kill ${first.pid}), or start this one with another DATA_DIR or with DATABASE_URL.`,
    );
    expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('lets one of two simultaneous first starts win', async () => {
    const outcomes = await Promise.allSettled([start(), start()]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('is not blocked by a lock that nobody holds any more', async () => {
    const locks = {
      'of a process that is gone': JSON.stringify({ pid: 4_194_304, identity: 'before' }),
      'whose pid another process has got since': JSON.stringify({ pid: process.pid, identity: 'before' }),
      'that is damaged': '{"pid":',
    };
    for (const content of Object.values(locks)) {
      await writeFile(inData('service.lock'), content);
      const service = await start();
      expect(JSON.parse(await readFile(inData('service.lock'), 'utf8'))).toMatchObject({ pid: service.pid });
      await service.stop();
      expect((await readdir(dataDir)).sort()).toEqual(['embedded-postgres.json', 'postgres']);
    }
  });
});

describe('after a crash', () => {
  it('takes over the server that outlived a killed service', async () => {
    const first = await start();
    await keepSomething(first.url);
    const startedAt = await serverStart(first.url);
    await first.kill();

    const second = await start();

    expect(second.url).toBe(first.url);
    expect(second.logs).toEqual([
      `embedded PostgreSQL was still running, taken over on port ${new URL(first.url).port}`,
    ]);
    expect(await serverStart(second.url)).toBe(startedAt);
    expect(await kept(second.url)).toEqual(KEPT);
    await second.stop();
    await expect(query(second.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('recovers what was committed when service and server were killed', async () => {
    const first = await start();
    await keepSomething(first.url);
    process.kill(await postmasterPid(), 'SIGKILL');
    await first.kill();
    expect(await kept((await start()).url)).toEqual(KEPT);
  });

  it('is not blocked by a postmaster.pid whose pid another process has got since', async () => {
    const first = await start();
    const left = await readFile(inData('postgres', 'postmaster.pid'), 'utf8');
    await first.stop();
    await writeFile(inData('postgres', 'postmaster.pid'), left.replace(/^\d+/, String(process.pid)));
    expect((await start()).url).toBe(first.url);
  });
});

describe('the server', () => {
  it('takes the right password over loopback only, and is durable', async () => {
    const { url } = await start();
    const [wrong, none] = [new URL(url), new URL(url)];
    wrong.password = 'guess';
    none.password = '';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    await expect(query(none.href, 'SELECT 1')).rejects.toThrow('password must be');

    const methods = await query(url, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules');
    expect(methods).toEqual([{ auth_method: 'scram-sha-256' }]);
    expect((await stat(inData('embedded-postgres.json'))).mode & 0o777).toBe(0o600);
    expect(await settings(url, 'listen_addresses', 'unix_socket_directories')).toEqual({
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
    });

    // Durability as PostgreSQL ships it.
    expect(await settings(url, 'fsync', 'synchronous_commit', 'full_page_writes', 'jit')).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      jit: 'off',
    });
  });
});

async function settings(url: string, ...names: string[]): Promise<Record<string, unknown>> {
  const rows = await query(url, 'SELECT name, setting FROM pg_settings');
  return Object.fromEntries(
    rows
      .filter(({ name }) => names.includes(String(name)))
      .map(({ name, setting }) => [String(name), setting]),
  );
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
