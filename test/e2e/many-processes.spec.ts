import { Api, createTenant, must, type TestTenant } from '../support/api';
import { accountsOf, expectBalanced } from '../support/accounts';
import { eventually } from '../support/eventually';
import { hang, slow } from '../support/receiver';
import { TestService } from '../support/service';
import { World } from '../support/world';

/** Far above what these tests wait for: whatever is made again is so because a process was missed. */
const LEASE_SECONDS = '600';
/** Six processes start on a machine that may be busy. */
const PATIENCE_MS = 180_000;

interface Node {
  id: string;
  role: string;
  pid: number;
  version: string;
  load: { in_flight: number; rss_mb: number };
  heartbeat_at: string;
  health: string;
}

let world: World;
let tenant: TestTenant;
let api: TestService;
let workers: TestService[];
let all: TestService[];

const start = (ROLE: string, env: NodeJS.ProcessEnv = {}): Promise<TestService> =>
  TestService.start({
    databaseUrl: world.database.url,
    dataDir: world.service.dataDir,
    env: { ROLE, LEASE_SECONDS, WORKER_CONCURRENCY: '32', DB_POOL_SIZE: '4', ...env },
  });

jest.setTimeout(PATIENCE_MS);

beforeAll(async () => {
  world = await World.create({ ROLE: 'api', DB_POOL_SIZE: '4' });
  tenant = await world.tenant('many');
  all = await Promise.all(['api', 'worker', 'worker', 'scheduler', 'scheduler'].map((role) => start(role)));
  [api, ...workers] = all.slice(0, 3) as [TestService, TestService, TestService];
});

afterAll(async () => {
  await Promise.all(all.map((process) => process.dispose()));
  await world.dispose();
});

/** The API's two processes, each as this tenant's. */
const doors = (of: TestTenant = tenant): [Api, Api] => [of.api, new Api(() => api.url, of.api.key)];

async function nodes(): Promise<Node[]> {
  const { body } = must(await new Api(api.url, world.service.adminKey).get('/api/v1/nodes'), 200);
  return body['nodes'] as Node[];
}

/** The worker that has this in its hands. */
async function holderOf(table: string): Promise<TestService> {
  const [row] = await world.rows<{ pid: number }>(
    `SELECT n.pid FROM ${table} r JOIN nodes n ON n.id = r.leased_by`,
  );
  const holder = workers.find(({ pid }) => pid === row?.pid);
  if (holder === undefined) throw new Error(`nobody holds a row of ${table}`);
  return holder;
}

const completed = (id: string): Promise<void> =>
  eventually({ until: `${id} completed`, withinMs: 30_000 }, async () => {
    expect((await tenant.api.status(id)).body.status).toBe('completed');
  });

describe('two processes of each role on one database', () => {
  it('are listed with role, version, load and heartbeat', async () => {
    await eventually({ until: 'all six are healthy' }, async () => {
      const healthy = (await nodes()).filter(({ health }) => health === 'healthy');
      const roles = healthy.map(({ role }) => role).sort();
      expect(roles).toEqual(['api', 'api', 'scheduler', 'scheduler', 'worker', 'worker']);
    });
    const before = await nodes();
    for (const { version, load } of before) {
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
      expect(load.rss_mb).toBeGreaterThan(10);
      expect(load.in_flight).toBe(0);
    }
    await eventually({ until: 'each has beaten again' }, async () => {
      for (const { id, heartbeat_at } of await nodes()) {
        const earlier = before.find((one) => one.id === id)?.heartbeat_at ?? heartbeat_at;
        expect(Date.parse(heartbeat_at)).toBeGreaterThan(Date.parse(earlier));
      }
    });
  });

  it('make each delivery once, both workers a part of them', async () => {
    await tenant.api.register('shared', { endpoint: world.receiver.on('/shared', slow(50)) });
    const ids = Array.from({ length: 300 }, (_none, number) => `shared-${number}`);
    const batches = Array.from({ length: 6 }, (_none, at) => ids.slice(at * 50, at * 50 + 50));
    await Promise.all(
      batches.map(async (batch, at) => {
        const jobs = batch.map((distribution_id) => ({
          distribution_id,
          data_type: 'report',
          payload: {},
          destinations: ['shared'],
        }));
        must(await (doors()[at % 2] as Api).bulk(jobs), 202);
      }),
    );
    await eventually({ until: 'all are delivered', withinMs: 60_000, everyMs: 100 }, async () => {
      expect(await world.count('FROM ready_attempts')).toBe(0);
    });

    const arrived = world.receiver.at('/shared');
    expect(arrived.length).toBe(300);
    expect(new Set(arrived.map(({ id }) => id)).size).toBe(300);
    expect(new Set(arrived.map(({ distributionId }) => distributionId))).toEqual(new Set(ids));
    expectBalanced(await accountsOf(world, tenant.id));
    const by = await world.rows<{ node: string }>(
      `SELECT DISTINCT metadata ->> 'processing_node' AS node FROM distribution_attempts
       WHERE destination_name = 'shared'`,
    );
    expect(by.length).toBe(2);
  });

  it('admit together what a limit allows, and no more', async () => {
    const allowed = 200;
    const limited = await createTenant(() => api.url, world.service.adminKey, 'limited', {
      burst_limit: allowed,
      rate_limit_requests: allowed,
      // Nothing to speak of comes in while this runs.
      rate_limit_window_seconds: 10_000_000,
    });
    let accepted = 0;
    const submit = async (number: number): Promise<void> => {
      const { status } = await (doors(limited)[number % 2] as Api).submit({ destinations: [] });
      expect([202, 429]).toContain(status);
      if (status === 202) accepted++;
    };
    for (let round = 0; round < 15; round++)
      await Promise.all(Array.from({ length: 20 }, (_none, number) => submit(number)));
    expect(accepted).toBeLessThanOrEqual(allowed * 1.01);
    // What one process had leased and did not use is soon the other's.
    await eventually({ until: 'everything allowed is taken' }, async () => {
      await Promise.all([submit(0), submit(1)]);
      expect(accepted).toBeGreaterThanOrEqual(allowed);
    });
    await Promise.all(Array.from({ length: 20 }, (_none, number) => submit(number)));
    expect(accepted).toBeLessThanOrEqual(allowed * 1.01);
  });
});

describe('a worker that is killed', () => {
  it('is missed within seconds, however long its lease: what it held is delivered by the other', async () => {
    const { behaviour, release } = hang();
    await tenant.api.register('hanging', { endpoint: world.receiver.on('/hanging', behaviour) });
    const id = await tenant.api.accepted({ destinations: ['hanging'] });
    await world.receiver.received(1, '/hanging');
    const holder = await holderOf('ready_attempts');
    await holder.kill();
    await world.receiver.received(2, '/hanging', 60_000);
    release();
    await completed(id);
    expect(new Set(world.receiver.at('/hanging').map((receipt) => receipt.id)).size).toBe(1);
    expect((await nodes()).map(({ role }) => role).filter((role) => role === 'worker')).toHaveLength(1);
    await holder.start();
  });

  it('with a callback in its hands, too', async () => {
    const { behaviour, release } = hang();
    await tenant.api.register('quick', { endpoint: `${world.receiver.url}/quick` });
    const callback_url = world.receiver.on('/told', behaviour);
    await tenant.api.accepted({ destinations: ['quick'], callback_url });
    await world.receiver.received(1, '/told');
    const holder = await holderOf('distribution_callbacks');
    await holder.kill();
    // Its lease is a minute long.
    await world.receiver.received(2, '/told', 45_000);
    release();
    expect(new Set(world.receiver.at('/told').map((receipt) => receipt.id)).size).toBe(1);
    await holder.start();
  });
});

describe('a process of the API that is asked to stop', () => {
  it('says so first, and takes requests until its time is over, keeping no connection', async () => {
    const leaving = await start('api', { API_DRAIN_SECONDS: '300' });
    try {
      leaving.beginStop();
      await eventually({ until: 'it is not ready' }, async () => {
        expect((await fetch(`${leaving.url}/health/ready`)).status).toBe(503);
      });
      const answer = must(await new Api(leaving.url, tenant.api.key).submit({ destinations: [] }), 202);
      expect(answer.headers.get('connection')).toBe('close');
      expect((await fetch(`${leaving.url}/health/live`)).status).toBe(200);
    } finally {
      await leaving.kill();
      await leaving.dispose();
    }
  });
});
