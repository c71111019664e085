import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type OperationReply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { ok, refuse } from '../support/receiver';
import { TenantWorld } from '../support/tenant-world';
import { type World } from '../support/world';

const QUICK = { initial_delay_seconds: 0.02, backoff_multiplier: 1, max_attempts: 2 };

let here: TenantWorld;
let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  here = await TenantWorld.create('comune-rimini', QUICK);
  ({ world, tenant } = here);
});

afterAll(() => here.dispose());

const JOB = { data_type: 'report', payload: { total: 1 } };

async function over(id: string): Promise<OperationReply> {
  return eventually({ until: 'the operation to end' }, async () => {
    const { body } = await tenant.api.get<OperationReply>(`/api/v1/bulk-operations/${id}`);
    expect(body.status).toBe('completed');
    return body;
  });
}

const manage = (path: string, body: object) =>
  tenant.api.json<OperationReply>('POST', `/api/v1${path}`, body);

describe('dead letters', () => {
  it('are made by what was given up, and by nothing else', async () => {
    await here.destination('dead', refuse(422));
    await here.destination('alive', ok);
    const id = await tenant.api.accepted({
      destinations: ['dead', 'alive'],
      data_type: 'letters',
      payload: { a: 1 },
    });
    await here.becomes(id, 'failed');
    const { body } = must(await tenant.api.deadLetters(`?distribution_id=${id}`), 200);
    expect(body.dead_letters).toHaveLength(1);
    const [letter] = body.dead_letters;
    expect(letter).toMatchObject({
      distribution_id: id,
      destination: 'dead',
      data_type: 'letters',
      error_code: 'RECEIVER_REFUSED',
      attempts: 1,
      status: 'dead',
    });
    const days = Date.parse(String(letter?.['expires_at'])) - Date.parse(String(letter?.['died_at']));
    expect(Math.round(days / 86_400_000)).toBe(7);
    const path = `/api/v1/dead-letters/${letter?.dead_letter_id}`;
    const detail = must(await tenant.api.get(path), 200).body;
    expect(detail).toMatchObject({
      payload: { a: 1 },
      attempts: [{ destination: 'dead', status: 'failed' }],
    });
    const reader = await tenant.api.createKey('reader', ['distribution:read']);
    const seen = await tenant.api.send('GET', path, undefined, { 'x-api-key': String(reader['key']) });
    expect(seen.body).not.toHaveProperty('payload');
    expect(must(await tenant.api.deadLetters('?destination=alive'), 200).body.dead_letters).toEqual([]);
  });

  it('are listed page by page', async () => {
    await here.destination('pages', refuse(400));
    const jobs = [1, 2, 3].map(() => ({ ...JOB, destinations: ['pages'] }));
    const { body } = must(await tenant.api.bulk(jobs), 202);
    for (const id of body.distribution_ids) await here.becomes(id, 'failed');
    const first = must(await tenant.api.deadLetters('?destination=pages&limit=2'), 200).body;
    const second = must(
      await tenant.api.deadLetters(`?destination=pages&limit=2&cursor=${first.next_cursor}`),
      200,
    ).body;
    expect([first.dead_letters.length, second.dead_letters.length, second.next_cursor]).toEqual([2, 1, null]);
  });

  it('are redriven by filter, at a rate, and counted first', async () => {
    await here.destination('redriven', refuse(400));
    const jobs = Array.from({ length: 12 }, () => ({ ...JOB, destinations: ['redriven'] }));
    const { body } = must(await tenant.api.bulk(jobs), 202);
    for (const id of body.distribution_ids) await here.becomes(id, 'failed');
    world.receiver.on('/redriven', ok);
    const filter = { destination: 'redriven' };
    const counted = must(await manage('/dead-letters/redrive', { filter, dry_run: true }), 200);
    expect(counted.body).toEqual({ dry_run: true, matched: 12, capped: false });
    const begun = must(await manage('/dead-letters/redrive', { filter, rate_per_second: 20 }), 202);
    expect(await over(begun.body.operation_id)).toMatchObject({ examined: 12, done: 12, skipped: 0 });
    for (const id of body.distribution_ids) await here.becomes(id, 'completed');
    const times = world.receiver
      .at('/redriven')
      .slice(12)
      .map(({ at }) => at);
    // Twelve at 20 a second take 11/20 s; polling may bring the last ones together.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(300);
    expect(must(await tenant.api.deadLetters('?destination=redriven'), 200).body.dead_letters).toEqual([]);
    const redriven = await tenant.api.deadLetters('?destination=redriven&status=redriven');
    expect(redriven.body.dead_letters).toHaveLength(12);
    expect(redriven.body.dead_letters[0]).toMatchObject({ resolved_by: 'key:tests' });
  });

  it('once discarded are not sent by a redrive or a replay that does not name them', async () => {
    await here.destination('unwanted', refuse(400));
    const id = await tenant.api.accepted({ destinations: ['unwanted'] });
    await here.becomes(id, 'failed');
    const [letter] = must(await tenant.api.deadLetters(`?distribution_id=${id}`), 200).body.dead_letters;
    const ids = [letter?.dead_letter_id];
    expect(must(await manage('/dead-letters/discard', { ids, reason: 'obsolete' }), 202).body).toMatchObject({
      status: 'completed',
      done: 1,
    });
    expect(must(await manage('/dead-letters/redrive', { ids }), 202).body).toMatchObject({ done: 0 });
    expect(must(await tenant.api.replay(id), 202).body.destinations).toMatchObject([
      { outcome: 'discarded' },
    ]);
    const found = must(await tenant.api.get(`/api/v1/dead-letters/${ids[0]}`), 200).body;
    expect(found).toMatchObject({ status: 'discarded', reason: 'obsolete', resolved_by: 'key:tests' });
    world.receiver.on('/unwanted', ok);
    must(await tenant.api.replay(id, { destinations: ['unwanted'] }), 202);
    await here.becomes(id, 'completed');
  });

  it('are dealt with once, whoever comes first', async () => {
    await here.destination('contested', refuse(400));
    const id = await tenant.api.accepted({ destinations: ['contested'] });
    await here.becomes(id, 'failed');
    world.receiver.on('/contested', ok);
    const [letter] = must(await tenant.api.deadLetters(`?distribution_id=${id}`), 200).body.dead_letters;
    const ids = [letter?.dead_letter_id];
    const [redriven, replayed, discarded] = await Promise.all([
      manage('/dead-letters/redrive', { ids }),
      tenant.api.replay(id),
      manage('/dead-letters/discard', { ids, reason: 'no' }),
    ]);
    const done =
      must(redriven, 202).body.done +
      must(discarded, 202).body.done +
      must(replayed, 202).body.destinations.filter(({ outcome }) => outcome === 'replayed').length;
    expect(done).toBe(1);
    const after = must(await tenant.api.get(`/api/v1/dead-letters/${ids[0]}`), 200).body;
    await here.becomes(id, after['status'] === 'discarded' ? 'failed' : 'completed');
    expect(world.receiver.at('/contested').length).toBe(after['status'] === 'discarded' ? 1 : 2);
  });
});

describe('a bulk replay', () => {
  it('counts, then replays what the filter finds and nothing else', async () => {
    await here.destination('many', refuse(400));
    await here.destination('many-more', refuse(400));
    const jobs = Array.from({ length: 70 }, () => ({ ...JOB, destinations: ['many'], data_type: 'bulk' }));
    const { body } = must(await tenant.api.bulk([...jobs, { ...JOB, destinations: ['many-more'] }]), 202);
    for (const id of body.distribution_ids) await here.becomes(id, 'failed');
    world.receiver.on('/many', ok);
    const filter = { data_type: 'bulk' };
    const counted = must(await manage('/distribution/replay', { filter, dry_run: true }), 200);
    expect(counted.body).toMatchObject({ matched: 70 });
    const begun = must(await manage('/distribution/replay', { filter, rate_per_second: 500 }), 202);
    expect(await over(begun.body.operation_id)).toMatchObject({ examined: 70, done: 70, skipped: 0 });
    for (const id of body.distribution_ids.slice(0, 70)) await here.becomes(id, 'completed');
    expect(world.receiver.at('/many-more')).toHaveLength(1);
    const listed = must(
      await tenant.api.get<{ operations: OperationReply[] }>('/api/v1/bulk-operations'),
      200,
    );
    expect(listed.body.operations[0]?.operation_id).toBe(begun.body.operation_id);
  });

  it('goes on where it was after a restart, can be stopped, and not many run at once', async () => {
    const other = await world.tenant('comune-forli');
    const endpoint = world.receiver.on('/slowly', refuse(400));
    await other.api.register('slowly', { endpoint });
    const jobs = Array.from({ length: 350 }, () => ({ ...JOB, destinations: ['slowly'] }));
    must(await other.api.bulk(jobs), 202);
    await eventually({ until: 'all to fail' }, async () => {
      expect(await world.count(`FROM dead_letters WHERE tenant_id = 'comune-forli'`)).toBe(350);
    });
    world.receiver.on('/slowly', ok);
    const redrive = (rate_per_second: number) =>
      other.api.json<OperationReply>('POST', '/api/v1/distribution/replay', {
        filter: { destination: 'slowly' },
        rate_per_second,
      });
    const begun = must(await redrive(8), 202).body;
    expect(begun).toMatchObject({ status: 'running', examined: 50 });
    const path = `/api/v1/bulk-operations/${begun.operation_id}`;
    for (let more = 0; more < 4; more++) must(await redrive(1), 202);
    const refused = must(await redrive(1), 409).body;
    expect(refused).toMatchObject({ error: 'CONFLICT', details: { field: 'bulk_operations' } });
    await world.service.kill();
    await world.service.start();
    await eventually({ until: 'another step' }, async () => {
      expect((await other.api.get<OperationReply>(path)).body.examined).toBeGreaterThan(50);
    });
    const stopped = must(await other.api.send('POST', `${path}/cancel`), 200).body;
    expect(stopped['status']).toBe('cancelled');
    must(await other.api.send('POST', `${path}/cancel`), 409);
    const delivered = `FROM (
      SELECT FROM distribution_attempts WHERE tenant_id = 'comune-forli' AND metadata ? 'replayed_by'
      GROUP BY delivery_id HAVING count(*) > 1) twice`;
    expect(await world.count(delivered)).toBe(0);
    expectBalanced(await accountsOf(world, other.id));
  });

  it('wants a condition, and for completed jobs the word that success is meant', async () => {
    expect(must(await manage('/distribution/replay', { filter: {} }), 400).body).toMatchObject({
      details: { field: 'filter' },
    });
    const filter = { status: 'completed', data_type: 'x' };
    expect(must(await manage('/distribution/replay', { filter }), 400).body).toMatchObject({
      details: { field: 'only_failed' },
    });
    must(await manage('/dead-letters/redrive', {}), 400);
    must(await manage('/dead-letters/discard', { ids: ['x'], reason: 'y' }), 400);
  });
});
