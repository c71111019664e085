import { accountsOf, expectBalanced } from '../support/accounts';
import { type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { metric } from '../support/prometheus';
import { type Behaviour, hang, ok } from '../support/receiver';
import { TestService } from '../support/service';
import { World } from '../support/world';

const FENCED = 'zenia_distribution_fenced_outcomes_total';

let world: World;
let tenant: TestTenant;
let workers: TestService[] = [];

beforeAll(async () => {
  world = await World.create({ ROLE: 'api' });
  tenant = await world.tenant('takeover');
});

afterAll(() => world.dispose());

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.dispose()));
  workers = [];
});

async function startWorker(env: NodeJS.ProcessEnv = {}): Promise<TestService> {
  const worker = await TestService.start({
    databaseUrl: world.database.url,
    dataDir: world.service.dataDir,
    env: { ROLE: 'worker', LEASE_SECONDS: '2', ...env },
  });
  workers.push(worker);
  return worker;
}

async function submitTo(name: string, behaviour: Behaviour): Promise<string> {
  const endpoint = world.receiver.on(`/${name}`, behaviour);
  await tenant.api.register(name, { endpoint });
  return tenant.api.accepted({ distribution_id: `to-${name}`, destinations: [name] });
}

const completed = (id: string): Promise<void> =>
  eventually({ until: `${id} completed` }, async () => {
    expect((await tenant.api.status(id)).body.status).toBe('completed');
  });

const idsAt = (path: string): Set<string> => new Set(world.receiver.at(path).map(({ id }) => id));

async function attemptsOf(id: string): Promise<[number, string][]> {
  const { body } = await tenant.api.attempts(id);
  return body.attempts.map(({ attempt_number, status }) => [attempt_number, status]);
}

describe('a worker that stops with a delivery in flight', () => {
  it('gives it back when the grace time is over, and another worker makes the same attempt', async () => {
    const { behaviour, release } = hang();
    const impatient = await startWorker({ WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: '0', LEASE_SECONDS: '600' });
    const id = await submitTo('hanging', behaviour);
    await world.receiver.received(1, '/hanging');

    expect(await impatient.stop()).toBe(0);
    expect(await world.count('FROM ready_attempts WHERE leased_by IS NOT NULL')).toBe(0);
    release();
    await startWorker();
    await completed(id);

    expect(world.receiver.at('/hanging')).toHaveLength(2);
    expect(idsAt('/hanging').size).toBe(1);
    expect(await attemptsOf(id)).toEqual([[1, 'success']]);
    expectBalanced(await accountsOf(world, tenant.id));
  });

  it('waits for it within the grace time', async () => {
    const { behaviour, release } = hang();
    const patient = await startWorker({ WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: '20' });
    const id = await submitTo('patient', behaviour);
    await world.receiver.received(1, '/patient');

    patient.beginStop();
    await eventually({ until: 'the worker to be on its way out' }, async () => {
      const ready = await fetch(`${patient.url}/health/ready`);
      expect(ready.status).toBe(503);
    });
    expect((await fetch(`${patient.url}/health/live`)).status).toBe(200);
    release();
    expect(await patient.stop()).toBe(0);
    await completed(id);
    expect(world.receiver.at('/patient')).toHaveLength(1);
  });
});

describe('a worker that stops with a callback on its way', () => {
  it('gives it back when the grace time is over, and another worker sends the same one at once', async () => {
    const { behaviour, release } = hang();
    const callback_url = world.receiver.on('/told', behaviour);
    const endpoint = world.receiver.on('/telling', ok);
    await tenant.api.register('telling', { endpoint });
    const impatient = await startWorker({ WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: '0' });
    const id = await tenant.api.accepted({ destinations: ['telling'], callback_url });
    await world.receiver.received(1, '/told');

    expect(await impatient.stop()).toBe(0);
    const free = `FROM distribution_callbacks WHERE status = 'pending' AND leased_by IS NULL AND due_at <= now()`;
    expect(await world.count(free)).toBe(1);
    release();
    await startWorker();
    await eventually({ until: 'the callback to be delivered' }, async () => {
      const path = `/api/v1/distribution/${id}/callbacks`;
      const { body } = await tenant.api.get<{ callbacks: Reply[] }>(path);
      expect(body.callbacks).toEqual([expect.objectContaining({ status: 'delivered', attempts: 1 })]);
    });

    expect(world.receiver.at('/told')).toHaveLength(2);
    expect(idsAt('/told').size).toBe(1);
  });
});

describe('a worker that stalls past its lease', () => {
  it('wakes too late to write a second history when another has finished its delivery', async () => {
    const { behaviour, release } = hang();
    const stalled = await startWorker();
    const id = await submitTo('stalled', behaviour);
    await world.receiver.received(1, '/stalled');
    stalled.signal('SIGSTOP');
    await startWorker();
    await world.receiver.received(2, '/stalled');
    release();
    await completed(id);
    const before = (await tenant.api.attempts(id)).body;

    const refused = stalled.nextLog(({ msg }) => msg === 'outcome refused by its fence');
    stalled.signal('SIGCONT');
    expect(await refused).toMatchObject({ delivery_id: [...idsAt('/stalled')][0] });

    expect(await metric(stalled.url, FENCED)).toBe(1);
    expect(idsAt('/stalled').size).toBe(1);
    expect((await tenant.api.attempts(id)).body).toEqual(before);
    expect(await attemptsOf(id)).toEqual([[1, 'success']]);
    expectBalanced(await accountsOf(world, tenant.id));
  });

  it('cannot settle a delivery that waits for its next attempt by now', async () => {
    const { behaviour, release } = hang();
    const answers: Behaviour[] = [behaviour, () => ({ status: 503, headers: { 'retry-after': '4' } })];
    const stalled = await startWorker();
    const id = await submitTo(
      'waiting',
      (receipt, nth) => answers[nth - 1]?.(receipt, nth) ?? { status: 200 },
    );
    await world.receiver.received(1, '/waiting');
    stalled.signal('SIGSTOP');
    const other = await startWorker();
    await eventually({ until: 'the other worker to have recorded a retry' }, async () => {
      expect(await attemptsOf(id)).toEqual([
        [1, 'retry'],
        [2, 'pending'],
      ]);
    });

    release();
    const refused = stalled.nextLog(({ msg }) => msg === 'outcome refused by its fence');
    stalled.signal('SIGCONT');
    await refused;
    expect((await tenant.api.status(id)).body.status).toBe('processing');
    await completed(id);

    expect(idsAt('/waiting').size).toBe(1);
    expect(await attemptsOf(id)).toEqual([
      [1, 'retry'],
      [2, 'success'],
    ]);
    expect((await metric(stalled.url, FENCED)) ?? 0).toBe(1);
    expect((await metric(other.url, FENCED)) ?? 0).toBe(0);
    expectBalanced(await accountsOf(world, tenant.id));
  });
});
