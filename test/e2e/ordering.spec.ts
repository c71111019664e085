import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type Behaviour, hang, ok, refuse, slow } from '../support/receiver';
import { TestService } from '../support/service';
import { World } from '../support/world';

const PATIENT = { max_attempts: 50, initial_delay_seconds: 0.05, backoff_multiplier: 1 };

let world: World;
let tenant: TestTenant;
let workers: TestService[] = [];
let scheduler: TestService;

beforeAll(async () => {
  world = await World.create({ ROLE: 'api' });
  tenant = await world.tenant('ordering');
  [scheduler, ...workers] = await Promise.all([start('scheduler'), start('worker'), start('worker')]);
});

afterAll(async () => {
  try {
    expectBalanced(await accountsOf(world, tenant.id));
  } finally {
    await Promise.all([scheduler, ...workers].map((service) => service.dispose()));
    await world.dispose();
  }
});

const start = (ROLE: string): Promise<TestService> =>
  TestService.start({
    databaseUrl: world.database.url,
    dataDir: world.service.dataDir,
    env: { ROLE, LEASE_SECONDS: '2', DISTRIBUTION_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1000' },
  });

async function destination(name: string, behaviour: Behaviour, more: object = {}): Promise<void> {
  const endpoint = world.receiver.on(`/${name}`, behaviour);
  await tenant.api.register(name, { endpoint, retry_policy: PATIENT, ...more });
}

type Body = { key: string; n: number };
const bodyOf = (receipt: { body: Buffer }): Body => JSON.parse(receipt.body.toString()) as Body;

/** The n-th job of a key; its id says which. */
async function submit(name: string, key: string, n: number, options: object = {}): Promise<string> {
  return tenant.api.accepted({
    distribution_id: `${name}-${key}-${n}`,
    payload: { key, n },
    destinations: [name],
    options: { ordering_key: key, ...options },
  });
}

/** What was answered with success, in order, of one key. */
const delivered = (name: string, key: string): number[] =>
  world.receiver
    .at(`/${name}`)
    .filter((receipt) => receipt.answered === 200 && bodyOf(receipt).key === key)
    .map((receipt) => bodyOf(receipt).n);

const becomes = (id: string, status: string): Promise<void> =>
  eventually({ until: `${id} to be ${status}`, withinMs: 30_000 }, async () => {
    expect((await tenant.api.status(id)).body.status).toBe(status);
  });

const from = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_one, index) => first + index);

describe('deliveries with one ordering key', () => {
  it('go out one after the other in the order of acceptance, whatever fails, while other keys flow', async () => {
    const busy = new Set<string>();
    let together = 0;
    const behaviour: Behaviour = async (receipt, nth) => {
      const { key, n } = bodyOf(receipt);
      if (busy.has(key)) together++;
      busy.add(key);
      await slow(2)(receipt, nth);
      busy.delete(key);
      if (key === 'stuck') return { status: 503 };
      return { status: n % 4 === 0 && receipt.attempt < 3 ? 503 : 200 };
    };
    await destination('ordered', behaviour);
    const keys = ['stuck', 'a', 'b', 'c'];
    const jobs = from(1, 25).flatMap((n) =>
      keys.map((key) => ({
        data_type: 'report',
        distribution_id: `ordered-${key}-${n}`,
        payload: { key, n },
        destinations: ['ordered'],
        options: { ordering_key: key },
      })),
    );
    must(await tenant.api.bulk(jobs), 202);
    for (const key of ['a', 'b', 'c']) {
      await becomes(`ordered-${key}-25`, 'completed');
      expect(delivered('ordered', key)).toEqual(from(1, 25));
    }
    expect(together).toBe(0);
    expect(delivered('ordered', 'stuck')).toEqual([]);
    const [waiting] = must(await tenant.api.status('ordered-stuck-2'), 200).body.destinations;
    expect(waiting).toMatchObject({ next_attempt_at: null, attempts: 0 });
    // Cancelled while it waits for a retry, the first one makes room for the next.
    await eventually({ until: 'the head to be cancelled' }, async () => {
      const { status } = await tenant.api.cancel('ordered-stuck-1');
      expect([200, 409]).toContain(status);
      await becomes('ordered-stuck-1', 'cancelled');
    });
    await eventually({ until: 'the next one to be tried' }, () => {
      expect(world.receiver.at('/ordered').map(bodyOf)).toContainEqual({ key: 'stuck', n: 2 });
    });
    for (const n of from(2, 25)) await tenant.api.cancel(`ordered-stuck-${n}`);
    await becomes('ordered-stuck-2', 'cancelled');
  });

  it('go on after one that failed for good, and a replay goes behind what waits', async () => {
    let healthy = false;
    await destination('going-on', (receipt) => {
      if (bodyOf(receipt).n === 1 && !healthy) return { status: 422 };
      return { status: 200 };
    });
    for (const n of from(1, 5)) await submit('going-on', 'k', n);
    await becomes('going-on-k-5', 'completed');
    expect(delivered('going-on', 'k')).toEqual(from(2, 5));
    healthy = true;
    must(await tenant.api.replay('going-on-k-1'), 202);
    await becomes('going-on-k-1', 'completed');
  });

  it.each(['redrive', 'discard'])('wait for the %s of one that failed, where they are to', async (act) => {
    const name = `blocking-${act}`;
    let healthy = false;
    const behaviour: Behaviour = (receipt) => ({ status: bodyOf(receipt).n === 2 && !healthy ? 422 : 200 });
    await destination(name, behaviour, { ordering: { on_failure: 'block' } });
    for (const n of from(1, 5)) await submit(name, 'k', n);
    await submit(name, 'other', 1);
    await becomes(`${name}-k-2`, 'failed');
    await becomes(`${name}-other-1`, 'completed');
    // The duty that lifts blocks has run by then, and found nothing to lift.
    await submit(name, 'k', 6, { ttl_seconds: 1.5 });
    await becomes(`${name}-k-6`, 'failed');
    expect(delivered(name, 'k')).toEqual([1]);
    healthy = true;
    const { body } = must(await tenant.api.deadLetters(`?destination=${name}&limit=10`), 200);
    const ids = body.dead_letters.map(({ dead_letter_id }) => dead_letter_id);
    expect(ids).toHaveLength(2);
    must(await tenant.api.json('POST', `/api/v1/dead-letters/${act}`, { ids, reason: 'mended' }), 202);
    await becomes(`${name}-k-5`, 'completed');
    const expected = act === 'redrive' ? from(1, 5) : [1, 3, 4, 5];
    expect(delivered(name, 'k').slice(0, expected.length)).toEqual(expected);
  });

  it('keep their order when the worker with the first one in flight is killed', async () => {
    const { behaviour, release } = hang();
    await destination('crashing', behaviour);
    for (const n of from(1, 5)) await submit('crashing', 'k', n);
    await world.receiver.received(1, '/crashing');
    await Promise.all(workers.map((worker) => worker.kill()));
    release();
    await Promise.all(workers.map((worker) => worker.start()));
    await becomes('crashing-k-5', 'completed');
    const order = world.receiver.at('/crashing').map((receipt) => bodyOf(receipt).n);
    expect(order.filter((n, index) => n !== order[index - 1])).toEqual(from(1, 5));
  });

  it('cost the others nothing while hundreds of them wait', async () => {
    const { behaviour, release } = hang();
    await destination('long', (receipt, nth) =>
      bodyOf(receipt).key === 'k' ? behaviour(receipt, nth) : ok(receipt, nth),
    );
    const job = (n: number) => ({
      data_type: 'report',
      distribution_id: `long-k-${n}`,
      payload: { key: 'k', n },
      destinations: ['long'],
      options: { ordering_key: 'k' },
    });
    for (const part of [0, 1])
      must(await tenant.api.bulk(from(part * 150 + 1, part * 150 + 150).map(job)), 202);
    await submit('long', 'other', 1);
    await becomes('long-other-1', 'completed');
    const read = await world.rows<{ 'QUERY PLAN': string }>(`
      EXPLAIN (ANALYZE, BUFFERS, TIMING OFF)
      SELECT delivery_id FROM ready_attempts r
      WHERE lane_id = (SELECT id FROM destinations WHERE name = 'long') AND rank = 4 AND due_at <= now()
      ORDER BY due_at LIMIT 100`);
    const buffers = /Buffers: shared hit=(\d+)/.exec(read.map((row) => row['QUERY PLAN']).join('\n'));
    expect(Number(buffers?.[1])).toBeLessThan(40);
    release();
    await becomes('long-k-300', 'completed');
    expect(delivered('long', 'k')).toEqual(from(1, 300));
  }, 90_000);
});

it('without a key nothing waits', async () => {
  await destination('free', refuse(503), { retry_policy: { ...PATIENT, max_attempts: 2 } });
  const id = await tenant.api.accepted({ destinations: ['free'] });
  await becomes(id, 'failed');
  expect(await world.count('FROM ordering_blocks')).toBe(0);
});
