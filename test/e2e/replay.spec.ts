import { must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { failTimes, hang, ok } from '../support/receiver';
import { TenantWorld } from '../support/tenant-world';
import { type World } from '../support/world';

const QUICK = { initial_delay_seconds: 0.02, backoff_multiplier: 1, max_attempts: 2 };
const PATIENT = { initial_delay_seconds: 600, max_attempts: 4 };

let here: TenantWorld;
let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  here = await TenantWorld.create('comune-ravenna', QUICK);
  ({ world, tenant } = here);
});

afterAll(() => here.dispose());

const JOB = { data_type: 'report', payload: { total: 1 } };

async function transitions(id: string): Promise<(string | null)[][]> {
  const { body } = must(await tenant.api.events(id), 200);
  return body.events.map(({ from_status, to_status, actor }) => [
    from_status,
    to_status,
    actor.split(':')[0] ?? '',
  ]);
}

describe('a replay of a job', () => {
  it('makes new attempts under the same delivery id with a new budget, and the job ends a second time', async () => {
    const name = await here.destination('mended', failTimes(3));
    await here.destination('took-it', ok);
    world.receiver.on('/told', ok);
    const callback_url = `${world.receiver.url}/told`;
    const id = await tenant.api.accepted({ destinations: [name, 'took-it'], callback_url });
    await here.becomes(id, 'failed');
    await world.receiver.received(1, '/told');

    const { body } = must(await tenant.api.replay(id, { reason: 'mended' }), 202);
    expect(body).toMatchObject({ status: 'processing', replayed_destinations: 1 });
    expect(body.destinations.map(({ name: of, outcome }) => [of, outcome])).toEqual([
      ['mended', 'replayed'],
      ['took-it', 'succeeded'],
    ]);
    const status = await here.becomes(id, 'completed');
    expect(status).toMatchObject({ error_code: null, error_message: null, progress_percentage: 100 });
    expect(status.metrics).toMatchObject({ total_attempts: 5, successful_attempts: 2, failed_attempts: 3 });
    const receipts = world.receiver.at('/mended');
    expect(receipts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(1);
    expect(world.receiver.at('/took-it')).toHaveLength(1);
    await world.receiver.received(2, '/told');
    expect(await transitions(id)).toEqual([
      [null, 'pending', 'key'],
      ['pending', 'processing', 'worker'],
      ['processing', 'failed', 'node'],
      ['failed', 'processing', 'key'],
      ['processing', 'completed', 'worker'],
    ]);
    const { events } = must(await tenant.api.events(id), 200).body;
    expect(events[3]).toMatchObject({ actor: 'key:tests', reason: 'replay of mended: mended' });
    const attempts = must(await tenant.api.attempts(id), 200).body.attempts;
    expect(attempts.find((attempt) => attempt.attempt_number === 3)).toMatchObject({
      request: { replayed_by: 'key:tests' },
    });
  });

  it('leaves alone what succeeded, unless it is asked for, and keeps both completions', async () => {
    const id = await tenant.api.accepted({ destinations: [await here.destination('twice', ok)] });
    await here.becomes(id, 'completed');
    const idle = must(await tenant.api.replay(id), 202).body;
    expect(idle).toMatchObject({ status: 'completed', replayed_destinations: 0 });
    must(await tenant.api.replay(id, { only_failed: false, destinations: ['twice'] }), 202);
    await world.receiver.received(2, '/twice');
    await here.becomes(id, 'completed');
    expect((await transitions(id)).map(([, to]) => to)).toEqual([
      'pending',
      'processing',
      'completed',
      'processing',
      'completed',
    ]);
  });

  it('makes an automatic retry at once instead of later, with a new budget', async () => {
    const name = await here.destination('impatient', failTimes(1), {
      retry_policy: { ...PATIENT, max_attempts: 2 },
    });
    const id = await tenant.api.accepted({ destinations: [name] });
    await waiting(id);
    expect(must(await tenant.api.replay(id), 202).body.destinations).toMatchObject([
      { outcome: 'superseded' },
    ]);
    const status = await here.becomes(id, 'completed');
    expect(status.destinations).toMatchObject([{ attempts: 2, status: 'success' }]);
    expect(world.receiver.at('/impatient').map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('leaves alone what is in flight and what has not been sent yet', async () => {
    const { behaviour, release } = hang();
    const name = await here.destination('flying', behaviour);
    const id = await tenant.api.accepted({ destinations: [name] });
    await world.receiver.received(1, '/flying');
    const { body } = must(await tenant.api.replay(id), 202);
    expect(body).toMatchObject({ replayed_destinations: 0, destinations: [{ outcome: 'in_flight' }] });
    release();
    await here.becomes(id, 'completed');
    expect(world.receiver.at('/flying')).toHaveLength(1);

    const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
    const later = await tenant.api.accepted({ destinations: [name], options: { deliver_at } });
    expect(must(await tenant.api.replay(later), 202).body.destinations).toMatchObject([
      { outcome: 'waiting' },
    ]);
    must(await tenant.api.cancel(later), 200);
  });

  it('sends once when two ask at the same time', async () => {
    const name = await here.destination('asked-twice', failTimes(2));
    const id = await tenant.api.accepted({ destinations: [name] });
    await here.becomes(id, 'failed');
    const answers = await Promise.all([tenant.api.replay(id), tenant.api.replay(id)]);
    const outcomes = answers.map((answer) => must(answer, 202).body.destinations[0]?.outcome);
    expect(outcomes.filter((outcome) => outcome === 'replayed')).toHaveLength(1);
    await here.becomes(id, 'completed');
    expect(world.receiver.at('/asked-twice')).toHaveLength(3);
  });

  it('brings back what was cancelled, and refuses while a cancellation is under way', async () => {
    const { behaviour, release } = hang();
    await here.destination('cancelled-late', behaviour);
    await here.destination('cancelled-early', failTimes(1), { retry_policy: PATIENT });
    const id = await tenant.api.accepted({ destinations: ['cancelled-late', 'cancelled-early'] });
    await world.receiver.received(1, '/cancelled-late');
    await eventually({ until: 'a retry to wait' }, async () => {
      expect((await tenant.api.status(id)).body.destinations[1]?.status).toBe('retrying');
    });
    must(await tenant.api.cancel(id), 200);
    expect(must(await tenant.api.replay(id), 409).body).toMatchObject({ details: { field: 'status' } });
    release();
    await here.becomes(id, 'cancelled');
    expect(must(await tenant.api.replay(id), 202).body).toMatchObject({ replayed_destinations: 1 });
    await here.becomes(id, 'completed');
    expect(await tenant.api.status(id)).toMatchObject({ body: { cancel_requested_at: null } });
  });

  it('is no longer held by an expiry that has passed', async () => {
    const name = await here.destination('expired', failTimes(1, 503, { 'retry-after': '200' }));
    const id = await tenant.api.accepted({ destinations: [name], options: { ttl_seconds: 0.5 } });
    expect(await here.becomes(id, 'failed')).toMatchObject({ error_code: 'EXPIRED' });
    must(await tenant.api.replay(id), 202);
    await here.becomes(id, 'completed');
    expect((await transitions(id)).map(([, to]) => to)).toContain('failed');
  });

  it('opens its batch again, which completes a second time', async () => {
    await here.destination('in-batch', failTimes(2));
    world.receiver.on('/batch-told', ok);
    const callback_url = `${world.receiver.url}/batch-told`;
    const { body } = must(
      await tenant.api.bulk([{ ...JOB, destinations: ['in-batch'] }], { callback_url }),
      202,
    );
    const [id = ''] = body.distribution_ids;
    await here.becomes(id, 'failed');
    await world.receiver.received(1, '/batch-told');
    expect((await tenant.api.batch(body.batch_id)).body).toMatchObject({ failed_distributions: 1 });
    must(await tenant.api.replay(id), 202);
    await here.becomes(id, 'completed');
    await world.receiver.received(2, '/batch-told');
    expect((await tenant.api.batch(body.batch_id)).body).toMatchObject({
      status: 'completed',
      completed_distributions: 1,
      failed_distributions: 0,
      open_distributions: 0,
    });
    const listed = await tenant.api.get(`/api/v1/distribution/batch/${body.batch_id}/callbacks`);
    expect(listed.body['callbacks']).toHaveLength(2);
  });

  it('names what is wrong with the request', async () => {
    const id = await tenant.api.accepted({ destinations: [await here.destination('plain', ok)] });
    const wrong = must(await tenant.api.replay(id, { destinations: ['plain', 'other'] }), 400);
    expect(wrong.body['details']).toMatchObject({ field: 'destinations[1]' });
    must(await tenant.api.replay('never-was'), 404);
    must(await tenant.api.replay(id, { unknown: true }), 400);
  });
});

/** Until the only delivery of the job waits for its retry. */
const waiting = (id: string): Promise<void> =>
  eventually({ until: 'a retry to wait' }, async () => {
    expect((await tenant.api.status(id)).body.destinations[0]).toMatchObject({ status: 'retrying' });
    expect((await tenant.api.status(id)).body.destinations[0]?.next_attempt_at).not.toBeNull();
  });

describe('callbacks', () => {
  it('are listed and sent again under the same id', async () => {
    const name = await here.destination('with-callback', ok);
    world.receiver.on('/submitter?token=secret', failTimes(1, 400));
    const callback_url = `${world.receiver.url}/submitter?token=secret`;
    const id = await tenant.api.accepted({ destinations: [name], callback_url });
    const path = `/api/v1/distribution/${id}/callbacks`;
    const listed = () =>
      tenant.api.get<{ callbacks: { callback_id: string; status: string; attempts: number }[] }>(path);
    await eventually({ until: 'the callback to fail' }, async () => {
      expect((await listed()).body.callbacks).toMatchObject([{ status: 'failed', attempts: 1 }]);
    });
    expect(JSON.stringify((await listed()).body)).not.toContain('secret');
    const again = must(await tenant.api.json('POST', `${path}/replay`, {}), 202).body;
    expect(again['replayed_callbacks']).toHaveLength(1);
    await eventually({ until: 'the callback to be delivered' }, async () => {
      expect((await listed()).body.callbacks).toMatchObject([{ status: 'delivered', attempts: 2 }]);
    });
    const nothing = must(await tenant.api.json('POST', `${path}/replay`, {}), 202).body;
    expect(nothing['replayed_callbacks']).toEqual([]);
    const audited = await world.rows(
      `SELECT actor, resource_type, details -> 'callbacks' AS callbacks FROM audit_log
       WHERE action = 'replay_callbacks' AND resource_id = $1 ORDER BY sequence`,
      [id],
    );
    expect(audited).toEqual(
      [again, nothing].map((answer) => ({
        actor: 'key:tests',
        resource_type: 'distribution',
        callbacks: answer['replayed_callbacks'],
      })),
    );
    must(await tenant.api.json('POST', `${path}/replay`, { only_failed: false }), 202);
    await world.receiver.received(3, '/submitter?token=secret');
    const receipts = world.receiver.at('/submitter?token=secret');
    expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(1);
  });
});
