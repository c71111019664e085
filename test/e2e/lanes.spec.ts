import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type Behaviour, slow } from '../support/receiver';
import { TestService } from '../support/service';
import { World } from '../support/world';

const SETTINGS = {
  ROLE: 'worker',
  DISTRIBUTION_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '3',
  DISTRIBUTION_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: '1',
};

let world: World;
let tenant: TestTenant;
let workers: TestService[] = [];

beforeAll(async () => {
  world = await World.create({ ROLE: 'api' });
  tenant = await world.tenant('lanes');
  const start = (): Promise<TestService> =>
    TestService.start({ databaseUrl: world.database.url, dataDir: world.service.dataDir, env: SETTINGS });
  workers = await Promise.all([start(), start()]);
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.dispose()));
  await world.dispose();
});

/** Counts the requests of a path that are under way together; answers after a while. */
function watched(answer: Behaviour, ms = 15): { behaviour: Behaviour; most: () => number } {
  let now = 0;
  let most = 0;
  const behaviour: Behaviour = async (receipt, nth) => {
    most = Math.max(most, ++now);
    await slow(ms)(receipt, nth);
    now--;
    return answer(receipt, nth);
  };
  return { behaviour, most: () => most };
}

async function submit(name: string, jobs: number, options = {}): Promise<string[]> {
  const submissions = Array.from({ length: jobs }, () =>
    tenant.api.accepted({ destinations: [name], options }),
  );
  return Promise.all(submissions);
}

const completed = (name: string, jobs: number): Promise<void> =>
  eventually({ until: `${jobs} jobs to ${name} completed`, withinMs: 40_000 }, async () => {
    const sql = `FROM distribution_jobs WHERE status = 'completed' AND destinations -> 0 ->> 'name' = $1`;
    expect(await world.count(sql, [name])).toBe(jobs);
  });

describe('limits of a destination, with two worker processes', () => {
  it('never have more in flight than max_in_flight', async () => {
    const { behaviour, most } = watched(() => ({ status: 200 }));
    await tenant.api.register('narrow', {
      endpoint: world.receiver.on('/narrow', behaviour),
      max_in_flight: 3,
    });
    await submit('narrow', 40);
    await completed('narrow', 40);
    expect(most()).toBeLessThanOrEqual(3);
    expect(world.receiver.at('/narrow')).toHaveLength(40);
  });

  it('send no more than the rate allows', async () => {
    const endpoint = world.receiver.on('/metered', () => ({ status: 200 }));
    await tenant.api.register('metered', { endpoint, rate_limit: { requests: 10, per_seconds: 1 } });
    await submit('metered', 25);
    await completed('metered', 25);
    const times = world.receiver.at('/metered').map(({ at }) => at);
    const spans = times.slice(10).map((later, index) => later - (times[index] ?? 0));
    // On its way a request may be late by some milliseconds, and the one ten before it not.
    expect(Math.min(...spans)).toBeGreaterThan(800);
  });
});

describe('the breaker of a destination, with two worker processes', () => {
  it('opens, sends one probe at a time, and lets what waited flow without an attempt spent', async () => {
    let healthy = false;
    const { behaviour, most } = watched(() => ({ status: healthy ? 200 : 503 }));
    const policy = { max_attempts: 20, initial_delay_seconds: 0.05, max_backoff_seconds: 0.05 };
    await tenant.api.register('broken', {
      endpoint: world.receiver.on('/broken', behaviour),
      retry_policy: policy,
      max_in_flight: 4,
    });
    await submit('broken', 1);
    await eventually({ until: 'the breaker to be open' }, async () => {
      expect(await world.count(`FROM lanes WHERE breaker = 'open'`)).toBe(1);
    });
    expect(world.receiver.at('/broken')).toHaveLength(3);
    await submit('broken', 30, { max_retries: 0 });
    await world.receiver.received(5, '/broken');
    expect(most()).toBe(1);
    healthy = true;
    await eventually({ until: 'all that waited to be settled', withinMs: 30_000 }, async () => {
      expect(await world.count('FROM ready_attempts')).toBe(0);
    });
    const failed = await world.count(`FROM distribution_jobs WHERE status = 'failed'`);
    // Only a probe can have failed meanwhile, and its job may try once.
    expect(failed).toBeLessThanOrEqual(3);
    expect(await world.count(`FROM lanes WHERE breaker IN ('open', 'half_open')`)).toBe(0);
    expectBalanced(await accountsOf(world, tenant.id));
  });

  it('is seen by administrators, who can close it by hand', async () => {
    let healthy = false;
    const behaviour: Behaviour = () => ({ status: healthy ? 200 : 503 });
    const policy = { max_attempts: 20, initial_delay_seconds: 0.05, max_backoff_seconds: 0.05 };
    await tenant.api.register('mended', {
      endpoint: world.receiver.on('/mended', behaviour),
      retry_policy: policy,
      max_in_flight: 4,
    });
    const path = '/api/v1/destinations/mended';
    const breaker = async (): Promise<unknown> => must(await tenant.api.get(path), 200).body['breaker'];
    const atRest = { state: 'closed', consecutive_failures: 0, opened_at: null, probe_at: null };
    expect(await breaker()).toEqual(atRest);
    await submit('mended', 1);
    await eventually({ until: 'the breaker to be open' }, async () => {
      expect(await breaker()).toMatchObject({
        state: 'open',
        probe_at: expect.stringContaining('T') as string,
      });
    });
    // Its next probe is far away.
    await world.rows(
      `UPDATE lanes SET probe_at = now() + interval '1 hour' WHERE destination_name = 'mended'`,
    );
    healthy = true;
    const reset = must(await tenant.api.send('POST', `${path}/breaker/reset`), 200);
    expect(reset.body['breaker']).toEqual(atRest);
    await completed('mended', 1);
    expect(await world.count(`FROM audit_log WHERE action = 'reset_breaker'`)).toBe(1);
    expect(await world.count(`FROM lanes WHERE breaker <> 'closed' AND destination_name = 'mended'`)).toBe(0);
  });
});
