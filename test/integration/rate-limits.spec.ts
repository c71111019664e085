import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { migrate } from '../../src/database/migrate';
import { type SessionUrls, sessionUrls } from '../../src/database/roles';
import { SystemTransaction } from '../../src/database/system-transaction';
import { type TenantId } from '../../src/kernel/ids';
import { systemClock } from '../../src/kernel/clock';
import { leaseFrom } from '../../src/limits/lease';
import { RateLimits } from '../../src/limits/rate-limits';
import { eventually } from '../support/eventually';
import { createDatabase, type TestDatabase } from '../support/postgres';

let database: TestDatabase;
let sessions: SessionUrls;
let owner: Client;
const processes: { source: DataSource; limits: RateLimits }[] = [];

beforeAll(async () => {
  database = await createDatabase();
  sessions = sessionUrls(database.url, {});
  await migrate(database.url, sessions);
  owner = new Client({ connectionString: database.url });
  await owner.connect();
  for (let count = 0; count < 4; count++) {
    const source = await new DataSource({ type: 'postgres', url: sessions.system, poolSize: 2 }).initialize();
    const lease = leaseFrom(new SystemTransaction(source), 100);
    const limits = new RateLimits(lease, systemClock, (error) => fail(error));
    limits.start();
    processes.push({ source, limits });
  }
});

const fail = (error: unknown): never => {
  throw error;
};

afterAll(async () => {
  for (const { source, limits } of processes) {
    await limits.stop();
    await source.destroy();
  }
  await owner.end();
  await database.drop();
});

async function tenant(requests: number, seconds: number, burst: number): Promise<TenantId> {
  const id = `t-${randomUUID().slice(0, 8)}` as TenantId;
  await owner.query(
    `INSERT INTO tenants (id, name, rate_limit_requests, rate_limit_window_seconds, burst_limit)
     VALUES ($1, $1, $2, $3, $4)`,
    [id, requests, seconds, burst],
  );
  return id;
}

async function hammer(id: TenantId, ms: number): Promise<{ admitted: number; seconds: number }> {
  const started = performance.now();
  let admitted = 0;
  const loop = async (limits: RateLimits): Promise<void> => {
    while (performance.now() - started < ms) {
      if ((await limits.takeSubmissions(id, 1)).kind === 'granted') admitted++;
      else await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(processes.flatMap(({ limits }) => [loop(limits), loop(limits), loop(limits)]));
  return { admitted, seconds: (performance.now() - started) / 1000 };
}

describe('a limit that four processes share', () => {
  it('admits what the bucket holds and refills, within one per cent', async () => {
    const id = await tenant(500, 1, 100);
    const { admitted, seconds } = await hammer(id, 1500);
    const allowed = 100 + 500 * seconds;
    expect(admitted).toBeLessThanOrEqual(Math.ceil(allowed * 1.01));
    expect(admitted).toBeGreaterThan(allowed * 0.9);
  });

  it('holds when it was changed, in every process within a second', async () => {
    const id = await tenant(1, 3600, 1);
    for (const { limits } of processes) await limits.takeSubmissions(id, 1);
    await owner.query('UPDATE tenants SET rate_limit_requests = 3600000, burst_limit = 1000 WHERE id = $1', [
      id,
    ]);
    const changed = performance.now();
    for (const { limits } of processes) {
      await eventually({ until: 'admission under the new limit', withinMs: 1000 }, async () => {
        expect((await limits.takeSubmissions(id, 1)).kind).toBe('granted');
      });
    }
    expect(performance.now() - changed).toBeLessThan(1000);
  });

  it('lets a batch beyond the burst through when the bucket is full, and makes the next one wait for it', async () => {
    const [{ limits } = fail('no process')] = processes;
    const id = await tenant(1000, 3600, 200);
    expect(await limits.takeSubmissions(id, 1001)).toMatchObject({ kind: 'too_many', most: 1000 });
    expect(await limits.takeSubmissions(id, 1000)).toMatchObject({ kind: 'granted', remaining: 0 });
    const next = await limits.takeSubmissions(id, 1);
    expect(next).toMatchObject({ kind: 'refused' });
    // 800 owed and the one that was asked for, at 1,000 an hour.
    expect(next.kind === 'refused' ? next.retryAfterSeconds : 0).toBeGreaterThan(800 * 3.6 - 5);
  });

  it('is known by nobody who may not see the tenant', async () => {
    const id = await tenant(10, 1, 10);
    await processes[0]?.limits.takeSubmissions(id, 1);
    const app = new Client({ connectionString: sessions.app });
    await app.connect();
    await expect(app.query(`SELECT * FROM lease_tokens('x', NULL, 1, 0, 1, 1, 0)`)).rejects.toThrow(/denied/);
    const seenBy = async (tenantId: string): Promise<unknown[]> => {
      await app.query(`SELECT set_config('app.tenant_id', $1, false)`, [tenantId]);
      return (await app.query<{ tenant_id: string }>('SELECT DISTINCT tenant_id FROM rate_limits')).rows;
    };
    expect([await seenBy(''), await seenBy('another'), await seenBy(id)]).toEqual([
      [],
      [],
      [{ tenant_id: id }],
    ]);
    await app.end();
  });
});

describe('lease_tokens', () => {
  const LEASE = 'SELECT granted, tokens FROM lease_tokens($1, NULL, 100, $2, $3, $4, $5, $6)';

  it('keeps the bucket to its capacity and its rate, at whatever times and in whatever order it is visited', async () => {
    const visits = fc.array(
      fc.record({
        atMs: fc.nat(20_000),
        first: fc.integer({ min: 1, max: 30 }),
        others: fc.nat(20),
        ahead: fc.nat(20),
        back: fc.nat(100),
      }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), visits, async (capacity, all) => {
        const id = await tenant(40, 10, capacity);
        const start = Date.now();
        let [held, net, latest, most] = [0, 0, start, capacity];
        for (const { atMs, first, others, ahead, back } of all) {
          const at = start + atMs;
          latest = Math.max(latest, at);
          most = Math.max(most, first);
          const returned = Math.floor((held * back) / 100);
          const values = [id, returned, first, first + others, ahead, new Date(at)];
          const { rows } = await owner.query<{ granted: number; tokens: number }>(LEASE, values);
          const [row] = rows;
          held += (row?.granted ?? 0) - returned;
          net += (row?.granted ?? 0) - returned;
          expect(row?.tokens).toBeLessThanOrEqual(capacity);
          const refilled = ((latest - start) / 1000) * 4;
          expect(net).toBeLessThanOrEqual(most + refilled + 1e-3);
        }
      }),
      { numRuns: 40 },
    );
  });
});
