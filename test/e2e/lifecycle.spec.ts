import { accountsOf } from '../support/accounts';
import { must, type StatusReply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { failTimes, hang, ok, refuse } from '../support/receiver';
import { TenantWorld } from '../support/tenant-world';
import { type World } from '../support/world';

const QUICK = { initial_delay_seconds: 0.05, backoff_multiplier: 2 };

let here: TenantWorld;
let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  here = await TenantWorld.create('comune-bologna', QUICK);
  ({ world, tenant } = here);
});

afterAll(() => here.dispose());

const settled = (id: string): Promise<StatusReply> => here.becomes(id, 'completed', 'failed', 'cancelled');

const inOneHour = (): string => new Date(Date.now() + 3_600_000).toISOString();

async function transitions(id: string): Promise<(string | null)[][]> {
  const { body } = must(await tenant.api.events(id), 200);
  return body.events.map(({ from_status, to_status, actor }) => [from_status, to_status, actor]);
}

describe('a receiver that fails for a while', () => {
  it('is tried again, later each time, under the same delivery id', async () => {
    const name = await here.destination('flaky', failTimes(2));
    const id = await tenant.api.accepted({ destinations: [name] });
    const status = await settled(id);

    expect(status.status).toBe('completed');
    expect(status.metrics).toMatchObject({
      retry_count: 2,
      total_attempts: 3,
      successful_attempts: 1,
      failed_attempts: 2,
      success_rate: 1 / 3,
    });
    const [delivery] = status.destinations;
    expect(delivery).toMatchObject({
      status: 'success',
      attempts: 3,
      error_code: null,
      next_attempt_at: null,
    });
    const delays = delivery?.retry_history.map(({ backoff_delay_seconds }) => backoff_delay_seconds) ?? [];
    expect(delays).toHaveLength(2);
    // The attempt's end is this machine's clock, the next one's time the database's: they may differ a little.
    delays.forEach((delay, index) => expect(delay).toBeLessThan(0.05 * 2 ** index + 0.5));
    const receipts = world.receiver.at('/flaky');
    expect(receipts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(1);
    const { body } = must(await tenant.api.attempts(id), 200);
    expect(body.attempts).toMatchObject([
      { attempt_number: 1, status: 'retry', retry_reason: 'RECEIVER_UNAVAILABLE', response: { status: 503 } },
      { attempt_number: 2, status: 'retry' },
      { attempt_number: 3, status: 'success', response: { status: 200 } },
    ]);
  });

  it('says itself when to come back', async () => {
    const name = await here.destination('busy', failTimes(1, 429, { 'retry-after': '1' }));
    const id = await tenant.api.accepted({ destinations: [name] });
    const { destinations } = await settled(id);
    const [first, second] = world.receiver.at('/busy');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(950);
    expect(destinations[0]?.retry_history[0]?.backoff_delay_seconds).toBeGreaterThan(0.9);
  });

  it('cannot put a delivery off beyond the longest delay', async () => {
    const retry_policy = { ...QUICK, max_backoff_seconds: 0.2 };
    const name = await here.destination('lazy', failTimes(1, 503, { 'retry-after': '3600' }), {
      retry_policy,
    });
    expect((await settled(await tenant.api.accepted({ destinations: [name] }))).status).toBe('completed');
  });

  it('is given up after as many attempts as were allowed', async () => {
    const name = await here.destination('broken', refuse(503));
    const id = await tenant.api.accepted({ destinations: [name], options: { max_retries: 2 } });
    const status = await settled(id);
    expect(status).toMatchObject({ status: 'failed', error_code: 'RECEIVER_UNAVAILABLE' });
    expect(status.destinations).toMatchObject([{ status: 'failed', attempts: 3 }]);
    const { body } = must(await tenant.api.attempts(id), 200);
    expect(body.attempts.at(-1)).toMatchObject({ attempt_number: 3, request: { exhausted: true } });
  });

  it('is tried as often as the most specific word says', async () => {
    const name = await here.destination('specific', refuse(500), {
      retry_policy: { ...QUICK, max_attempts: 4 },
    });
    const own = await tenant.api.accepted({
      destinations: [{ name, retry_policy: { ...QUICK, max_attempts: 2 } }],
      options: { max_retries: 5 },
    });
    const asked = await tenant.api.accepted({ destinations: [name], options: { max_retries: 0 } });
    const policy = await tenant.api.accepted({ destinations: [name] });
    const made = async (id: string): Promise<number | undefined> =>
      (await settled(id)).destinations[0]?.attempts;
    expect([await made(own), await made(asked), await made(policy)]).toEqual([2, 1, 4]);
  });
});

describe('a receiver that will not take a delivery', () => {
  it.each([
    [400, 'RECEIVER_REFUSED'],
    [401, 'AUTHENTICATION_FAILED'],
    [422, 'RECEIVER_REFUSED'],
    [302, 'REDIRECT_REFUSED'],
  ])('is not asked again after %s', async (code, errorCode) => {
    const name = await here.destination(`refuses-${code}`, refuse(code));
    const status = await settled(await tenant.api.accepted({ destinations: [name] }));
    expect(status).toMatchObject({ status: 'failed', error_code: errorCode });
    expect(status.destinations).toMatchObject([
      { attempts: 1, response_status: code, error_code: errorCode },
    ]);
    expect(world.receiver.at(`/${name}`)).toHaveLength(1);
  });

  it('does not keep the others from theirs', async () => {
    await here.destination('refuses', refuse(400));
    await here.destination('takes', ok);
    const status = await settled(await tenant.api.accepted({ destinations: ['refuses', 'takes'] }));
    expect(status).toMatchObject({
      status: 'failed',
      progress_percentage: 100,
      errors: [{ destination: 'refuses', code: 'RECEIVER_REFUSED' }],
      metrics: { success_rate: 0.5 },
    });
    expect(status.destinations.map(({ name, status: state }) => [name, state])).toEqual([
      ['refuses', 'failed'],
      ['takes', 'success'],
    ]);
  });

  it('that hangs is left after its time', async () => {
    const { behaviour, release } = hang();
    const name = await here.destination('hangs', behaviour, { timeout_seconds: 0.3 });
    const id = await tenant.api.accepted({ destinations: [name], options: { max_retries: 0 } });
    expect(await settled(id)).toMatchObject({ status: 'failed', error_code: 'TIMEOUT' });
    release();
  });

  it('that is not there is tried again', async () => {
    const endpoint = 'http://127.0.0.1:1/';
    await tenant.api.register('absent', { endpoint, retry_policy: QUICK });
    const id = await tenant.api.accepted({ destinations: ['absent'], options: { max_retries: 1 } });
    const status = await settled(id);
    expect(status).toMatchObject({ status: 'failed', error_code: 'CONNECTION_FAILED' });
    expect(status.destinations).toMatchObject([{ attempts: 2 }]);
  });
});

describe('the time of a delivery', () => {
  it('comes when it was asked for, not before', async () => {
    const name = await here.destination('later', ok);
    const deliver_at = new Date(Date.now() + 1200).toISOString();
    const id = await tenant.api.accepted({ destinations: [name], options: { deliver_at } });
    const { body } = must(await tenant.api.status(id), 200);
    expect(body).toMatchObject({ status: 'pending', deliver_at, started_at: null });
    expect(body.destinations).toMatchObject([
      { status: 'pending', next_attempt_at: deliver_at, attempts: 0 },
    ]);
    await settled(id);
    expect(world.receiver.at('/later')[0]?.at).toBeGreaterThanOrEqual(Date.parse(deliver_at));
  });

  it('is over when the job expires between two attempts', async () => {
    const name = await here.destination('expiring', refuse(503), {
      retry_policy: { initial_delay_seconds: 600 },
    });
    world.receiver.on('/expiring', failTimes(9, 503, { 'retry-after': '200' }));
    const id = await tenant.api.accepted({ destinations: [name], options: { ttl_seconds: 1 } });
    const status = await settled(id);
    expect(status).toMatchObject({ status: 'failed', error_code: 'EXPIRED' });
    expect(status.destinations).toMatchObject([{ status: 'failed', error_code: 'EXPIRED', attempts: 1 }]);
    expect(await accountsOf(world, tenant.id)).toMatchObject({ expired: 1 });
  });

  it('is over when the job expires before the first', async () => {
    const name = await here.destination('too-late', ok);
    const options = { deliver_at: inOneHour(), ttl_seconds: 0.3 };
    const id = await tenant.api.accepted({ destinations: [name], options });
    expect(await settled(id)).toMatchObject({ status: 'failed', error_code: 'EXPIRED', started_at: null });
    expect(world.receiver.at('/too-late')).toHaveLength(0);
    expect(await transitions(id)).toMatchObject([
      [null, 'pending', 'key:tests'],
      ['pending', 'failed', expect.stringMatching(/^node:/)],
    ]);
  });
});

describe('a cancellation', () => {
  it('takes back what waits, once', async () => {
    const name = await here.destination('waits', ok);
    const options = { deliver_at: inOneHour() };
    const id = await tenant.api.accepted({ destinations: [name], options });
    const { body } = must(await tenant.api.cancel(id), 200);
    expect(body).toMatchObject({ status: 'cancelled', cancelled_destinations: 1, in_flight_destinations: 0 });
    const status = await settled(id);
    expect(status).toMatchObject({
      status: 'cancelled',
      destinations: [{ status: 'cancelled', attempts: 0 }],
    });
    expect(await transitions(id)).toEqual([
      [null, 'pending', 'key:tests'],
      ['pending', 'cancelled', 'key:tests'],
    ]);
    expect(must(await tenant.api.cancel(id), 409).body).toMatchObject({
      error: 'CONFLICT',
      details: { field: 'status' },
    });
    expect(world.receiver.at('/waits')).toHaveLength(0);
  });

  it('lets what is in flight finish', async () => {
    const { behaviour, release } = hang();
    await here.destination('in-flight', behaviour);
    await here.destination('in-queue', failTimes(9, 503, { 'retry-after': '60' }));
    const id = await tenant.api.accepted({ destinations: ['in-flight', 'in-queue'] });
    await world.receiver.received(1, '/in-flight');
    await eventually({ until: 'one to wait for its retry' }, async () => {
      expect((await tenant.api.status(id)).body.destinations[1]?.status).toBe('retrying');
    });
    const first = must(await tenant.api.cancel(id), 200).body;
    expect(first).toMatchObject({
      status: 'processing',
      cancelled_destinations: 1,
      in_flight_destinations: 1,
    });
    const again = must(await tenant.api.cancel(id), 200).body;
    expect(again).toMatchObject({
      status: 'processing',
      cancelled_destinations: 0,
      in_flight_destinations: 1,
    });
    release();
    const status = await settled(id);
    expect(status.status).toBe('cancelled');
    expect(status.destinations.map((delivery) => delivery.status)).toEqual(['success', 'cancelled']);
    expect((await transitions(id)).map(([from, to]) => [from, to])).toEqual([
      [null, 'pending'],
      ['pending', 'processing'],
      ['processing', 'cancelled'],
    ]);
  });

  it('lets what is in flight fail without another attempt', async () => {
    const { behaviour, release } = hang();
    await here.destination('fails-late', async (receipt, nth) => {
      await behaviour(receipt, nth);
      return { status: 503 };
    });
    const id = await tenant.api.accepted({ destinations: ['fails-late'] });
    await world.receiver.received(1, '/fails-late');
    must(await tenant.api.cancel(id), 200);
    release();
    expect(await settled(id)).toMatchObject({ status: 'cancelled', destinations: [{ attempts: 1 }] });
    expect(world.receiver.at('/fails-late')).toHaveLength(1);
  });

  it('comes too late for what is done, and finds nothing where there is nothing', async () => {
    const id = await tenant.api.accepted({ destinations: [await here.destination('done', ok)] });
    await settled(id);
    expect(must(await tenant.api.cancel(id), 409).body['error']).toBe('CONFLICT');
    expect(must(await tenant.api.cancel('never-was'), 404).body['error']).toBe('NOT_FOUND');
  });
});

describe('the events of a job', () => {
  it('tell its way in order, with actor and reason', async () => {
    const id = await tenant.api.accepted({ destinations: [await here.destination('told', ok)] });
    await settled(id);
    const { body } = must(await tenant.api.events(id), 200);
    expect(body.events).toMatchObject([
      { from_status: null, to_status: 'pending', actor: 'key:tests', reason: 'accepted' },
      { from_status: 'pending', to_status: 'processing', actor: 'worker' },
      { from_status: 'processing', to_status: 'completed', actor: 'worker' },
    ]);
  });

  it('tell of a failure what failed', async () => {
    const id = await tenant.api.accepted({ destinations: [await here.destination('told-no', refuse(400))] });
    await settled(id);
    const { body } = must(await tenant.api.events(id), 200);
    expect(body.events.map(({ to_status }) => to_status)).toEqual(['pending', 'processing', 'failed']);
    expect(body.events.at(-1)?.reason).toMatch(/400/);
  });
});

describe('the same submission again', () => {
  it('is answered as the first time, without a second job', async () => {
    const name = await here.destination('idempotent', ok);
    const submission = { destinations: [name], payload: { b: 1, a: [1, 2] } };
    const headers = { 'idempotency-key': 'order-4711' };
    const first = must(await tenant.api.submit(submission, headers), 202);
    const again = must(
      await tenant.api.submit({ ...submission, payload: { a: [1, 2], b: 1 } }, headers),
      200,
    );
    expect(again.body).toEqual({ ...first.body, idempotent_replay: true });
    expect(first.body.distribution_id).toBe('order-4711');
    const elsewhere = { ...submission, options: { idempotency_key: 'order-4711' } };
    must(await tenant.api.submit(elsewhere), 200);
    await settled('order-4711');
    must(await tenant.api.submit(submission, headers), 200);
    expect(world.receiver.at('/idempotent')).toHaveLength(1);
  });

  it('belongs to its tenant', async () => {
    const other = await world.tenant('comune-parma');
    const headers = { 'idempotency-key': 'shared-key' };
    must(await tenant.api.submit({ payload: { a: 1 } }, headers), 202);
    must(await other.api.submit({ payload: { a: 2 } }, headers), 202);
  });

  it('makes one job when it comes many times at once', async () => {
    const name = await here.destination('crowd', ok);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () =>
        tenant.api.submit({ distribution_id: 'crowd-1', destinations: [name] }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(39).fill(200), 202]);
    expect(answers.filter(({ body }) => body.idempotent_replay === true)).toHaveLength(39);
    await settled('crowd-1');
    expect(await world.count(`FROM distribution_jobs WHERE distribution_id = 'crowd-1'`)).toBe(1);
    expect(world.receiver.at('/crowd')).toHaveLength(1);
  });

  it('makes one job when it stands many times in one batch', async () => {
    const same = { distribution_id: 'batch-crowd', data_type: 'report', payload: { a: 1 } };
    const { body } = must(await tenant.api.bulk([same, same, same]), 202);
    expect(body).toMatchObject({ accepted_distributions: 3, rejected: [] });
    expect(await world.count(`FROM distribution_jobs WHERE distribution_id = 'batch-crowd'`)).toBe(1);
  });

  it('is a conflict for all but one when the bodies differ', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        tenant.api.submit({ distribution_id: 'quarrel', payload: { number } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array<number>(19).fill(409)]);
  });
});
