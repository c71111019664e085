import { must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type Behaviour, failTimes, hang, refuse } from '../support/receiver';
import { TenantWorld } from '../support/tenant-world';
import { type World } from '../support/world';

const QUICK = { initial_delay_seconds: 0.02, backoff_multiplier: 1, max_attempts: 4 };
const PATIENT = { initial_delay_seconds: 86_400, backoff_multiplier: 1, max_attempts: 4 };

let here: TenantWorld;
let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  // The breaker would hold back what these receivers refuse.
  here = await TenantWorld.create('comune-faenza', QUICK, {
    DISTRIBUTION_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1000',
  });
  ({ world, tenant } = here);
});

afterAll(() => here.dispose());

const destination = (name: string, behaviour: Behaviour, retry_policy: object): Promise<string> =>
  here.destination(name, behaviour, { retry_policy });

/** Until its only delivery waits for a retry. */
const waits = (id: string): Promise<void> =>
  eventually({ until: `${id} to wait` }, async () => {
    const [delivery] = must(await tenant.api.status(id), 200).body.destinations;
    expect(delivery).toMatchObject({ status: 'retrying' });
    expect(delivery?.next_attempt_at).not.toBeNull();
  });

const change = async (name: string, retry_policy: typeof QUICK): Promise<void> => {
  must(await tenant.api.patchDestination(name, { configuration: { retry_policy } }), 200);
};

describe('a changed retry policy', () => {
  it('that is more impatient brings what waits already', async () => {
    const name = await destination('impatient', failTimes(8), PATIENT);
    const ids = await Promise.all(
      Array.from({ length: 8 }, () => tenant.api.accepted({ destinations: [name] })),
    );
    for (const id of ids) await waits(id);
    await change(name, QUICK);
    for (const id of ids)
      expect((await here.becomes(id, 'completed')).destinations).toMatchObject([{ attempts: 2 }]);
  });

  it('leaves alone what its receiver put off, and what has a policy of its own', async () => {
    const name = await destination('own-reasons', failTimes(3), PATIENT);
    world.receiver.on('/own-reasons', (receipt) => {
      if (receipt.attempt > 1) return { status: 200 };
      return { status: 503, headers: receipt.distributionId === 'asked' ? { 'retry-after': '200' } : {} };
    });
    await tenant.api.accepted({ distribution_id: 'asked', destinations: [name] });
    await tenant.api.accepted({
      distribution_id: 'own',
      destinations: [{ name, retry_policy: PATIENT }],
    });
    await tenant.api.accepted({ distribution_id: 'plain', destinations: [name] });
    for (const id of ['asked', 'own', 'plain']) await waits(id);
    await change(name, QUICK);
    await here.becomes('plain', 'completed');
    for (const id of ['asked', 'own']) expect((await tenant.api.status(id)).body.status).toBe('processing');
    const { body } = must(await tenant.api.attempts('asked'), 200);
    expect(body.attempts[0]).toMatchObject({ request: { retry_after_seconds: 200 } });
    for (const id of ['asked', 'own']) must(await tenant.api.cancel(id), 200);
  });

  it('also holds for an attempt that was under way at the change', async () => {
    const { behaviour, release } = hang();
    const name = await destination('under-way', failTimes(1), PATIENT);
    world.receiver.on('/under-way', async (receipt, nth) => {
      await behaviour(receipt, nth);
      return { status: nth === 1 ? 503 : 200 };
    });
    const id = await tenant.api.accepted({ destinations: [name] });
    await world.receiver.received(1, '/under-way');
    await change(name, QUICK);
    const looked = `
      FROM retry_policy_changes c JOIN destinations d ON d.id = c.destination_id
      WHERE d.name = 'under-way' AND c.due_at > c.changed_at`;
    await eventually({ until: 'a first pass' }, async () => expect(await world.count(looked)).toBe(1));
    release();
    await here.becomes(id, 'completed');
  });

  it('with fewer attempts makes the next failure the last', async () => {
    const name = await destination('fewer', refuse(503), { ...PATIENT, max_attempts: 5 });
    const id = await tenant.api.accepted({ destinations: [name] });
    await waits(id);
    await change(name, { ...QUICK, max_attempts: 1 });
    expect((await here.becomes(id, 'failed')).destinations).toMatchObject([{ attempts: 2 }]);
    const { body } = must(await tenant.api.attempts(id), 200);
    expect(body.attempts.at(-1)).toMatchObject({ request: { exhausted: true } });
  });

  it('with more attempts gives what waits more of them', async () => {
    const name = await destination('more', refuse(503), { ...PATIENT, max_attempts: 2 });
    const id = await tenant.api.accepted({ destinations: [name] });
    await waits(id);
    await change(name, { ...QUICK, max_attempts: 5 });
    expect((await here.becomes(id, 'failed')).destinations).toMatchObject([{ attempts: 5 }]);
  });

  it('that is more patient moves nothing that has its time', async () => {
    const name = await destination('patient', failTimes(2), { ...QUICK, initial_delay_seconds: 0.5 });
    const id = await tenant.api.accepted({ destinations: [name] });
    await waits(id);
    await change(name, PATIENT);
    await eventually({ until: 'a second attempt' }, () => {
      expect(world.receiver.at('/patient').length).toBeGreaterThanOrEqual(2);
    });
    must(await tenant.api.cancel(id), 200);
    await here.becomes(id, 'cancelled');
  });
});
