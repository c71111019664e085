import { must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type Behaviour, failTimes, ok, type Receipt, refuse, verifySignatures } from '../support/receiver';
import { World } from '../support/world';

let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  world = await World.create();
  tenant = await world.tenant('comune-genova');
  for (const [name, behaviour] of [
    ['takes', ok],
    ['refuses', refuse(422)],
  ] as const) {
    await tenant.api.register(name, { endpoint: world.receiver.on(`/${name}`, behaviour) });
  }
});

afterAll(() => world.dispose());

const callbackAt = (name: string, behaviour: Behaviour = ok): string =>
  world.receiver.on(`/callback-${name}`, behaviour);

async function callbacks(name: string, count = 1): Promise<Receipt[]> {
  return world.receiver.received(count, `/callback-${name}`);
}

const bodyOf = (receipt: Receipt | undefined): Reply => JSON.parse(receipt?.body.toString() ?? '{}') as Reply;

type Recorded = { event_type: string; status: string; attempts: number; history: Reply[] };

/** What the service knows of the callbacks to an address, once none of them is pending. */
async function recorded(name: string, count = 1): Promise<Recorded[]> {
  return eventually({ until: 'the callbacks to be recorded' }, async () => {
    const rows = await world.rows<Recorded>(
      `SELECT event_type, status, attempts, history FROM distribution_callbacks
       WHERE callback_url LIKE $1 AND status <> 'pending' ORDER BY created_at`,
      [`%/callback-${name}`],
    );
    expect(rows).toHaveLength(count);
    return rows;
  });
}

describe('a callback', () => {
  it('tells what became of the job, signed as a delivery is', async () => {
    const callback = {
      url: callbackAt('done'),
      headers: { 'x-extra': 'yes', authorization: 'Bearer of-the-submitter' },
    };
    const answer = must(await tenant.api.submit({ destinations: ['takes'], callback }), 202);
    expect(answer.body['callback_registered']).toBe(true);
    const [receipt] = await callbacks('done');
    if (receipt === undefined) throw new Error('no callback');

    verifySignatures(receipt, tenant.signingSecret);
    expect(receipt.headers).toMatchObject(callback.headers);
    expect(bodyOf(receipt)).toMatchObject({
      event_type: 'distribution.completed',
      distribution_id: answer.body.distribution_id,
      tenant_id: tenant.id,
      status: 'completed',
      completed_at: expect.any(String) as unknown,
      destinations: [{ name: 'takes', status: 'success', attempts: 1, error_code: null }],
      metrics: { success_rate: 1, total_attempts: 1 },
    });
    expect(await recorded('done')).toMatchObject([
      { event_type: 'distribution.completed', status: 'delivered', attempts: 1 },
    ]);
    const stored = `FROM distribution_jobs j WHERE j::text LIKE '%of-the-submitter%'`;
    expect(await world.count(stored)).toBe(0);
  });

  it.each([
    ['the top level', (url: string) => ({ callback_url: url })],
    ['the options', (url: string) => ({ options: { callback_url: url } })],
  ])('goes where %s says', async (place, submission) => {
    const name = place.replaceAll(' ', '-');
    await tenant.api.accepted({ destinations: ['takes'], ...submission(callbackAt(name)) });
    expect(bodyOf((await callbacks(name))[0])).toMatchObject({ event_type: 'distribution.completed' });
  });

  it('tells of a failure, with what failed', async () => {
    const submission = { destinations: ['takes', 'refuses'], callback_url: callbackAt('failed') };
    await tenant.api.accepted(submission);
    expect(bodyOf((await callbacks('failed'))[0])).toMatchObject({
      event_type: 'distribution.failed',
      status: 'failed',
      destinations: [
        { name: 'takes', status: 'success' },
        { name: 'refuses', status: 'failed', error_code: 'RECEIVER_REFUSED' },
      ],
      metrics: { success_rate: 0.5 },
    });
  });

  it('tells of a cancellation', async () => {
    const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
    const submission = { destinations: ['takes'], callback_url: callbackAt('cancelled') };
    must(await tenant.api.cancel(await tenant.api.accepted({ ...submission, options: { deliver_at } })), 200);
    expect(bodyOf((await callbacks('cancelled'))[0])).toMatchObject({
      event_type: 'distribution.cancelled',
      status: 'cancelled',
      destinations: [{ name: 'takes', status: 'cancelled', attempts: 0 }],
    });
  });

  it('comes for a job that has nowhere to go', async () => {
    const id = await tenant.api.accepted({ callback_url: callbackAt('no-match') });
    const { body } = must(await tenant.api.status(id), 200);
    expect(body).toMatchObject({ status: 'completed', outcome: 'no_match', destinations: [] });
    expect(body['progress_percentage']).toBe(100);
    expect(bodyOf((await callbacks('no-match'))[0])).toMatchObject({
      event_type: 'distribution.completed',
      status: 'completed',
      destinations: [],
    });
    const { events } = must(await tenant.api.events(id), 200).body;
    expect(events.map(({ to_status, reason }) => [to_status, reason])).toEqual([
      ['pending', 'accepted'],
      ['completed', 'no_match'],
    ]);
  });

  it('is repeated under the same id until it is taken', async () => {
    const callback_url = callbackAt('flaky', failTimes(2, 503, { 'retry-after': '0' }));
    await tenant.api.accepted({ destinations: ['takes'], callback_url });
    const receipts = await callbacks('flaky', 3);
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(1);
    expect(receipts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    for (const receipt of receipts) verifySignatures(receipt, tenant.signingSecret);
    const [row] = await recorded('flaky');
    expect(row).toMatchObject({ status: 'delivered', attempts: 3 });
    expect(row?.history).toMatchObject([
      { attempt: 1, response_status_code: 503 },
      { attempt: 2, response_status_code: 503 },
      { attempt: 3, response_status_code: 200 },
    ]);
  });

  it('is given up after five attempts, and at once when it is refused', async () => {
    const always = callbackAt('dead', failTimes(99, 500, { 'retry-after': '0' }));
    await tenant.api.accepted({ destinations: ['takes'], callback_url: always });
    await tenant.api.accepted({ destinations: ['takes'], callback_url: callbackAt('gone', refuse(404)) });
    expect(await recorded('dead')).toMatchObject([{ status: 'failed', attempts: 5 }]);
    expect(await recorded('gone')).toMatchObject([{ status: 'failed', attempts: 1 }]);
    expect(world.receiver.at('/callback-dead')).toHaveLength(5);
  });

  it('comes for single attempts where they are asked for', async () => {
    await tenant.api.register('stumbles', {
      endpoint: world.receiver.on('/stumbles', failTimes(1)),
      retry_policy: { initial_delay_seconds: 0.05 },
    });
    const options = { callback_events: ['attempt.failed', 'attempt.succeeded'] };
    const callback_url = callbackAt('attempts');
    await tenant.api.accepted({ destinations: ['stumbles'], callback_url, options });
    await recorded('attempts', 3);
    const told = world.receiver.at('/callback-attempts').map(bodyOf);
    const attempts = told.filter(({ event_type }) => String(event_type).startsWith('attempt.'));
    expect(attempts.map(({ event_type, attempt }) => [event_type, attempt])).toEqual(
      expect.arrayContaining([
        ['attempt.failed', { destination: 'stumbles', attempt_number: 1 }],
        ['attempt.succeeded', { destination: 'stumbles', attempt_number: 2 }],
      ]),
    );
    expect(told.filter(({ event_type }) => event_type === 'distribution.completed')).toHaveLength(1);
  });

  it('is signed with both secrets while they are changed', async () => {
    const rotating = await world.tenant('comune-bari');
    const rotate = { overlap_seconds: 3600 };
    const answer = await rotating.api.json('POST', '/api/v1/signing-secrets/rotate', rotate);
    const next = String(must(answer, 201).body['secret']);
    await rotating.api.accepted({ callback_url: callbackAt('rotated') });
    const [receipt] = await callbacks('rotated');
    if (receipt === undefined) throw new Error('no callback');
    verifySignatures(receipt, next);
    expect(String(receipt.headers['webhook-signature']).split(' ')).toHaveLength(2);
    const old = { ...receipt, headers: { ...receipt.headers } };
    // The header of its own holds one signature, the current one's; the standard one holds both.
    expect(() => verifySignatures(old, rotating.signingSecret)).toThrow(/x-zenia-signature/);
  });
});

describe('the callback of a batch', () => {
  it('comes once, when the last of its jobs has ended', async () => {
    const job = { data_type: 'report', payload: { a: 1 } };
    const { body } = must(
      await tenant.api.bulk(
        [
          { ...job, destinations: ['takes'] },
          { ...job, destinations: ['refuses'] },
          { ...job, destinations: ['takes', 'refuses'] },
          { ...job },
          { ...job, destinations: ['nowhere'] },
        ],
        { callback_url: callbackAt('batch') },
      ),
      202,
    );
    expect(body.rejected).toMatchObject([{ index: 4 }]);
    const [receipt] = await callbacks('batch');
    if (receipt === undefined) throw new Error('no callback');
    verifySignatures(receipt, tenant.signingSecret);
    expect(bodyOf(receipt)).toMatchObject({
      event_type: 'batch.completed',
      batch_id: body.batch_id,
      tenant_id: tenant.id,
      status: 'completed',
      summary: {
        total_distributions: 5,
        completed_distributions: 2,
        failed_distributions: 2,
        cancelled_distributions: 0,
        success_rate: 0.5,
      },
    });
    expect(must(await tenant.api.batch(body.batch_id), 200).body).toMatchObject({
      status: 'completed',
      accepted_distributions: 4,
      rejected_distributions: 1,
      completed_distributions: 2,
      failed_distributions: 2,
      open_distributions: 0,
    });
    expect(await recorded('batch')).toHaveLength(1);
    expect(world.receiver.at('/callback-batch')).toHaveLength(1);
  });

  it('comes at once when nothing of it is to be delivered, and for repeats of what was delivered', async () => {
    const job = { distribution_id: 'of-a-batch', data_type: 'report', payload: { a: 1 } };
    must(await tenant.api.bulk([job], { callback_url: callbackAt('batch-empty') }), 202);
    expect(bodyOf((await callbacks('batch-empty'))[0])).toMatchObject({
      summary: { completed_distributions: 1 },
    });
    must(await tenant.api.bulk([job], { callback_url: callbackAt('batch-again') }), 202);
    expect(bodyOf((await callbacks('batch-again'))[0])).toMatchObject({ event_type: 'batch.completed' });
  });
});
