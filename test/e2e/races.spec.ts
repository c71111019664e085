import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type OperationReply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type Behaviour, failTimes, hang, slow } from '../support/receiver';
import { TenantWorld } from '../support/tenant-world';
import { type World } from '../support/world';

const QUICK = { initial_delay_seconds: 0.02, backoff_multiplier: 1, max_attempts: 3 };

let here: TenantWorld;
let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  // The breaker would hold back what these receivers refuse.
  here = await TenantWorld.create('comune-cesena', QUICK, {
    DISTRIBUTION_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1000',
  });
  ({ world, tenant } = here);
});

afterAll(() => here.dispose());

const passed = (moment: number): Promise<void> =>
  eventually({ until: 'the expiry to pass' }, () => expect(Date.now()).toBeGreaterThan(moment));

describe('a job that expires while a worker holds its delivery', () => {
  const claimed = async (name: string, answer: number) => {
    const { behaviour, release } = hang();
    await here.destination(name, async (receipt, nth) => {
      await behaviour(receipt, nth);
      return { status: answer };
    });
    const id = await tenant.api.accepted({ destinations: [name], options: { ttl_seconds: 2 } });
    await world.receiver.received(1, `/${name}`);
    await passed(Date.now() + 2000);
    // The duty that makes expired deliveries due leaves alone what is held.
    expect(must(await tenant.api.status(id), 200).body.destinations).toMatchObject([
      { status: 'processing' },
    ]);
    release();
    return id;
  };

  it('is delivered when the receiver takes it', async () => {
    const id = await claimed('expires-taken', 200);
    expect((await here.becomes(id, 'completed')).destinations).toMatchObject([
      { status: 'success', attempts: 1 },
    ]);
  });

  it('is EXPIRED, and not sent again, when the receiver fails', async () => {
    const id = await claimed('expires-failed', 503);
    const { error_code, destinations } = await here.becomes(id, 'failed');
    expect({ error_code, destinations }).toMatchObject({
      error_code: 'EXPIRED',
      destinations: [{ attempts: 1, error_code: 'EXPIRED' }],
    });
    expect(world.receiver.at('/expires-failed')).toHaveLength(1);
  });
});

describe('two that want the same dead letter', () => {
  const dead = async (name: string): Promise<{ id: string; ids: string[] }> => {
    await here.destination(name, failTimes(1, 400));
    const id = await tenant.api.accepted({ destinations: [name] });
    await here.becomes(id, 'failed');
    const { dead_letters } = must(await tenant.api.deadLetters(`?distribution_id=${id}`), 200).body;
    return { id, ids: dead_letters.map(({ dead_letter_id }) => dead_letter_id) };
  };
  const manage = (path: string, body: object) =>
    tenant.api.json<OperationReply>('POST', `/api/v1/dead-letters/${path}`, body);

  it('redrive and replay: it is sent once more', async () => {
    const { id, ids } = await dead('redriven-replayed');
    const [redriven, replayed] = await Promise.all([manage('redrive', { ids }), tenant.api.replay(id)]);
    const replays = must(replayed, 202).body.destinations.filter(({ outcome }) => outcome === 'replayed');
    expect(must(redriven, 202).body.done + replays.length).toBe(1);
    await here.becomes(id, 'completed');
    expect(world.receiver.at('/redriven-replayed')).toHaveLength(2);
  });

  it('redrive and discard: one of them has it', async () => {
    const { id, ids } = await dead('redriven-discarded');
    const [redriven, discarded] = await Promise.all([
      manage('redrive', { ids }),
      manage('discard', { ids, reason: 'no' }),
    ]);
    const done = [must(redriven, 202).body.done, must(discarded, 202).body.done];
    expect([...done].sort()).toEqual([0, 1]);
    await here.becomes(id, done[0] === 1 ? 'completed' : 'failed');
    expect(world.receiver.at('/redriven-discarded')).toHaveLength(done[0] === 1 ? 2 : 1);
  });
});

describe('who cancels, replays, redrives or discards', () => {
  it('stands in the audit log', async () => {
    await here.destination('audited', failTimes(1, 400));
    const id = await tenant.api.accepted({ distribution_id: 'audited', destinations: ['audited'] });
    await here.becomes(id, 'failed');
    const manage = (path: string, more: object = {}) =>
      tenant.api.json('POST', `/api/v1${path}`, { filter: { destination: 'audited' }, ...more });
    must(await manage('/dead-letters/discard', { reason: 'obsolete' }), 202);
    must(await manage('/dead-letters/redrive'), 202);
    must(await manage('/distribution/replay'), 202);
    must(await tenant.api.replay(id, { destinations: ['audited'], reason: 'mended' }), 202);
    const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
    const later = await tenant.api.accepted({ destinations: ['audited'], options: { deliver_at } });
    must(await tenant.api.cancel(later), 200);
    const entries = await world.rows(
      `SELECT action, resource_type, actor, request_id IS NOT NULL AS asked, details ->> 'reason' AS reason
       FROM audit_log WHERE tenant_id = $1 AND resource_type IN ('distribution', 'bulk_operation')
       ORDER BY sequence DESC LIMIT 5`,
      [tenant.id],
    );
    const by = { actor: 'key:tests', asked: true };
    expect(entries.reverse()).toEqual([
      { action: 'discard', resource_type: 'bulk_operation', reason: 'obsolete', ...by },
      { action: 'redrive', resource_type: 'bulk_operation', reason: null, ...by },
      { action: 'replay', resource_type: 'bulk_operation', reason: null, ...by },
      { action: 'replay', resource_type: 'distribution', reason: 'mended', ...by },
      { action: 'cancel', resource_type: 'distribution', reason: null, ...by },
    ]);
    await here.becomes(id, 'completed');
  });
});

/** mulberry32: the same numbers for the same seed, each in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('hundreds of jobs that are cancelled, replayed, redriven, discarded and expired as it comes', () => {
  const seed = Number(process.env['RACES_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const JOBS = 300;
  const INTERVENTIONS = 400;
  const NAMES = ['storm-a', 'storm-b', 'storm-c'];
  const random = seeded(seed);
  const oneOf = <T>(choices: readonly T[]): T => {
    const choice = choices[Math.floor(random() * choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  };

  /** Some take it, some late, some refuse for now or for good. */
  const moody: Behaviour = async (receipt, nth) => {
    const [mood, delay] = [random(), random() * 40];
    await slow(delay)(receipt, nth);
    return { status: mood < 0.5 ? 200 : mood < 0.85 ? 503 : 422 };
  };

  const optionsOf = (): { options?: { ttl_seconds?: number; deliver_at?: string } } => {
    const draw = random();
    if (draw < 0.2) return { options: { ttl_seconds: 0.05 + random() } };
    if (draw < 0.4) return { options: { deliver_at: new Date(Date.now() + random() * 1500).toISOString() } };
    return {};
  };

  const interventions: ((id: string) => Promise<{ status: number }>)[] = [
    (id) => tenant.api.cancel(id),
    (id) => tenant.api.replay(id),
    (id) => tenant.api.replay(id, { only_failed: false }),
    (id) => tenant.api.replay(id, { destinations: [oneOf(NAMES)] }),
    (id) => tenant.api.json('POST', '/api/v1/dead-letters/redrive', { filter: { distribution_id: id } }),
    (id) =>
      tenant.api.json('POST', '/api/v1/dead-letters/discard', {
        filter: { distribution_id: id },
        reason: 'x',
      }),
  ];

  it(`agrees about every one of them (RACES_SEED=${seed})`, async () => {
    for (const name of NAMES) await here.destination(name, moody);
    const ids: string[] = [];
    for (let index = 0; index < JOBS; index += 50) {
      const batch = Array.from({ length: 50 }, () => ({
        data_type: 'storm',
        payload: { index },
        destinations: NAMES,
        ...optionsOf(),
      }));
      ids.push(...must(await tenant.api.bulk(batch), 202).body.distribution_ids);
      await intervene(ids, INTERVENTIONS / (JOBS / 50));
    }
    await eventually({ until: 'the queue to be empty', withinMs: 40_000 }, async () => {
      expect(await world.count(`FROM ready_attempts WHERE tenant_id = $1`, [tenant.id])).toBe(0);
    });
    const accounts = await accountsOf(world, tenant.id);
    console.info(`RESULT ${JSON.stringify({ scenario: 'races', seed, ...accounts })}`);
    expectBalanced(accounts);
    expect(await disagreeing()).toEqual([]);
    expectLedgerAgrees(await successes());
  });

  /** Eight at a time; whoever comes too late is told so, and nobody gets a fault of ours. */
  async function intervene(ids: readonly string[], count: number): Promise<void> {
    for (let done = 0; done < count; done += 8) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => oneOf(interventions)(oneOf(ids))));
      for (const { status } of answers) expect([200, 202, 409]).toContain(status);
    }
  }

  /** Jobs whose own counters or status say something else than their deliveries, and letters that nobody answers for. */
  const disagreeing = () =>
    world.rows(
      `WITH latest AS (
         SELECT DISTINCT ON (delivery_id) * FROM distribution_attempts
         WHERE tenant_id = $1 ORDER BY delivery_id, attempt_number DESC
       ), counted AS (
         SELECT distribution_job_id AS id, count(*) FILTER (WHERE status = 'failed')::int AS failed,
           count(*) FILTER (WHERE status = 'pending')::int AS pending,
           count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled
         FROM latest GROUP BY 1
       ), retried AS (
         SELECT distribution_job_id AS id, count(*)::int AS retries FROM distribution_attempts
         WHERE tenant_id = $1 AND status = 'retry' GROUP BY 1
       )
       SELECT j.distribution_id, j.status, j.open_deliveries, j.failed_deliveries, j.retry_count, c.*, r.retries
       FROM distribution_jobs j JOIN counted c USING (id) LEFT JOIN retried r USING (id)
       WHERE j.open_deliveries <> c.pending OR j.failed_deliveries <> c.failed
         OR j.retry_count <> COALESCE(r.retries, 0) OR j.completed_at IS NULL
         OR j.status <> CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
              WHEN c.failed > 0 THEN 'failed' ELSE j.status END
         OR (SELECT count(*) FROM dead_letters l WHERE l.distribution_job_id = j.id AND l.status <> 'redriven')
            > c.failed`,
      [tenant.id],
    );

  const successes = () =>
    world.rows<{ delivery_id: string; attempt_number: number }>(
      `SELECT delivery_id, attempt_number FROM distribution_attempts
       WHERE tenant_id = $1 AND status = 'success' AND destination_name LIKE 'storm-%'`,
      [tenant.id],
    );

  /** What the receivers took is what the service recorded as taken, attempt by attempt. */
  function expectLedgerAgrees(recorded: { delivery_id: string; attempt_number: number }[]): void {
    const taken = NAMES.flatMap((name) => world.receiver.at(`/${name}`))
      .filter(({ answered }) => answered === 200)
      .map(({ id, attempt }) => `${id} ${attempt}`);
    expect(
      recorded.map(({ delivery_id, attempt_number }) => `${delivery_id} ${attempt_number}`).sort(),
    ).toEqual(taken.sort());
  }
});
