import { once } from 'node:events';
import { connect } from 'node:net';
import { accountsOf, expectBalanced } from '../support/accounts';
import { Api, must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { ok, slow } from '../support/receiver';
import { World } from '../support/world';

const JOBS = 300;
const LEASE_SECONDS = 2;
/** Five seconds of silence in which another node was heard, and the rescue that looks for it every second. */
const RESCUE_SECONDS = 20;
const env = { LEASE_SECONDS: String(LEASE_SECONDS), WORKER_CONCURRENCY: '32' };

let world: World;

beforeAll(async () => {
  world = await World.create(env);
});

afterAll(() => world.dispose());

/** Jobs to a receiver that takes its time, so that a signal comes in the middle of deliveries. */
async function underWay(tenantId: string, milliseconds: number): Promise<TestTenant> {
  const tenant = await world.tenant(tenantId);
  const path = `/${tenantId}`;
  await tenant.api.register('slow', { endpoint: world.receiver.on(path, slow(milliseconds)) });
  await tenant.api.register('quick', { endpoint: world.receiver.on(`${path}-quick`, ok) });
  const jobs = Array.from({ length: JOBS }, (_, number) => ({
    distribution_id: `job-${number}`,
    data_type: 'report',
    payload: { number },
    destinations: ['slow', 'quick'],
  }));
  must(await tenant.api.bulk(jobs), 202);
  await world.receiver.received(JOBS / 10, path);
  return tenant;
}

async function allCompleted(tenant: TestTenant, withinMs: number): Promise<void> {
  await eventually({ until: 'every job completed', withinMs, everyMs: 100 }, async () => {
    const completed = await world.count(
      `FROM distribution_jobs WHERE tenant_id = $1 AND status = 'completed'`,
      [tenant.id],
    );
    expect(completed).toBe(JOBS);
  });
}

/** What a receiver sees of each delivery: its job, and how often it came. */
function repeatsAt(path: string): { deliveries: number; repeated: number } {
  const jobOf = new Map<string, string>();
  for (const { id, distributionId } of world.receiver.at(path)) {
    expect(jobOf.get(id) ?? distributionId).toBe(distributionId);
    jobOf.set(id, distributionId);
  }
  expect(new Set(jobOf.values()).size).toBe(JOBS);
  return { deliveries: jobOf.size, repeated: world.receiver.at(path).length - jobOf.size };
}

describe('a crash in the middle of deliveries', () => {
  it('loses nothing, repeats under the same delivery id and records no attempt twice', async () => {
    const tenant = await underWay('crash', 60);
    await world.service.kill();
    const before = await accountsOf(world, tenant.id);
    expect(before.pending).toBeGreaterThan(0);
    expectBalanced(before);

    await world.service.start();
    await allCompleted(tenant, (LEASE_SECONDS + RESCUE_SECONDS) * 1000);

    for (const path of ['/crash', '/crash-quick']) {
      const { deliveries, repeated } = repeatsAt(path);
      expect(deliveries).toBe(JOBS);
      // No more than what was in flight, or on its way into the history, when the process died.
      expect(repeated).toBeLessThanOrEqual(before.pending);
    }
    const after = await accountsOf(world, tenant.id);
    expect(after).toMatchObject({ planned: 2 * JOBS, delivered: 2 * JOBS, pending: 0 });
    expectBalanced(after);
    // The one that nobody recorded is made again under its own number: no attempt is spent on the crash.
    expect(await world.count('FROM distribution_attempts WHERE tenant_id = $1', [tenant.id])).toBe(2 * JOBS);
  });

  it('keeps what was accepted in the moment before it', async () => {
    const tenant = await world.tenant('moment');
    await tenant.api.register('sink', { endpoint: world.receiver.on('/moment', ok) });
    const accepted: string[] = [];
    const submitting = Array.from({ length: 100 }, async () => {
      accepted.push(await tenant.api.accepted({ destinations: ['sink'] }));
      if (accepted.length === 40) void world.service.kill();
    });
    await Promise.allSettled(submitting);
    await world.service.kill();
    await world.service.start();
    expect(accepted.length).toBeGreaterThanOrEqual(40);
    await eventually({ until: 'every accepted job completed', withinMs: 25_000 }, async () => {
      const found = await tenant.api.listAll({ status: 'completed', limit: '1000' });
      const completed = new Set(found.map(({ distribution_id }) => distribution_id));
      expect(accepted.filter((id) => !completed.has(id))).toEqual([]);
    });
  });
});

describe('a stop in the middle of deliveries', () => {
  it('lets what is in flight finish, and the next start does the rest without repeating any', async () => {
    const tenant = await underWay('stop', 60);
    expect(await world.service.stop()).toBe(0);
    const stopped = world.receiver.at('/stop').length;
    expect(await world.count(`FROM ready_attempts WHERE leased_by IS NOT NULL`)).toBe(0);
    expect(stopped).toBeLessThan(JOBS);
    expectBalanced(await accountsOf(world, tenant.id));

    await world.service.start();
    await allCompleted(tenant, 20_000);
    for (const path of ['/stop', '/stop-quick']) {
      expect(repeatsAt(path)).toEqual({ deliveries: JOBS, repeated: 0 });
    }
    expectBalanced(await accountsOf(world, tenant.id));
  });
});

describe('a stop with a connection that has not asked for anything', () => {
  it('does not wait for it', async () => {
    const { hostname, port } = new URL(world.service.url);
    const silent = connect(Number(port), hostname);
    await once(silent, 'connect');
    must(await new Api(world.service.url, world.service.adminKey).get('/health/live'), 200);
    silent.resume();
    const closed = once(silent, 'close');
    expect(await world.service.stop()).toBe(0);
    await closed;
    await world.service.start();
  });
});
