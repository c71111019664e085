import { accountsOf, expectBalanced } from '../support/accounts';
import { Api, must, type StatusReply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { failTimes, ok } from '../support/receiver';
import { World } from '../support/world';

let world: World;
let platform: Api;

beforeAll(async () => {
  world = await World.create();
  platform = new Api(world.service.url, world.service.adminKey);
});

afterAll(() => world.dispose());

const set = (tenant: TestTenant, status: string): Promise<unknown> =>
  platform.json('PATCH', `/api/v1/tenants/${tenant.id}`, { status }).then((reply) => must(reply, 200));

const ended = (tenant: TestTenant, id: string): Promise<StatusReply> =>
  eventually({ until: `${id} to end` }, async () => {
    const { body } = must(await tenant.api.status(id), 200);
    expect(['completed', 'failed']).toContain(body.status);
    return body;
  });

describe('the work of a suspended tenant', () => {
  it('is held without spending an attempt, and flows when the tenant is active again', async () => {
    const tenant = await world.tenant('resting');
    const other = await world.tenant('awake');
    for (const { id, api } of [tenant, other])
      await api.register('office', { endpoint: world.receiver.on(`/${id}`, ok) });
    const soon = { deliver_at: new Date(Date.now() + 700).toISOString() };
    const submitted = { destinations: ['office'], options: { ...soon, max_retries: 0 } };
    const held = await tenant.api.accepted(submitted);
    await set(tenant, 'suspended');
    // Due at the same moment and delivered: the other one could have been, too.
    expect(await ended(other, await other.api.accepted(submitted))).toMatchObject({ status: 'completed' });
    const { body } = must(await tenant.api.status(held), 200);
    expect(body).toMatchObject({ status: 'pending', destinations: [{ status: 'pending', attempts: 0 }] });
    expect(world.receiver.at('/resting')).toHaveLength(0);

    await set(tenant, 'active');
    expect(await ended(tenant, held)).toMatchObject({ status: 'completed' });
    expect(world.receiver.at('/resting').map(({ attempt }) => attempt)).toEqual([1]);
  });
});

describe('what expires in a lane that is held', () => {
  it('ends in time: in maintenance', async () => {
    const tenant = await world.tenant('repairing');
    const endpoint = world.receiver.on('/repairing', ok);
    await tenant.api.register('office', { endpoint }, { status: 'maintenance' });
    const job = { destinations: ['office'], options: { ttl_seconds: 0.5, ordering_key: 'file-7' } };
    const ids = [await tenant.api.accepted(job), await tenant.api.accepted(job)];
    for (const id of ids)
      expect(await ended(tenant, id)).toMatchObject({
        status: 'failed',
        error_code: 'EXPIRED',
        started_at: null,
      });
    expectBalanced(await accountsOf(world, tenant.id));
    expect(await accountsOf(world, tenant.id)).toMatchObject({ expired: 2 });

    must(await tenant.api.patchDestination('office', { status: 'active' }), 200);
    const next = await tenant.api.accepted({ ...job, options: { ordering_key: 'file-7' } });
    expect(await ended(tenant, next)).toMatchObject({ status: 'completed' });
    expect(world.receiver.at('/repairing')).toHaveLength(1);
  });

  it('ends in time: while the tenant is suspended', async () => {
    const tenant = await world.tenant('closing');
    await tenant.api.register('office', { endpoint: world.receiver.on('/closing', ok) });
    const options = { deliver_at: new Date(Date.now() + 900).toISOString(), ttl_seconds: 1 };
    const id = await tenant.api.accepted({ destinations: ['office'], options });
    await set(tenant, 'suspended');
    expect(await ended(tenant, id)).toMatchObject({ status: 'failed', error_code: 'EXPIRED' });
    expect(world.receiver.at('/closing')).toHaveLength(0);
  });
});

describe('a destination that asks for a pause', () => {
  it('is left alone by every delivery of its lane until then, and the others go on', async () => {
    const tenant = await world.tenant('patient');
    const busy = failTimes(1, 429, { 'retry-after': '2' });
    await tenant.api.register('busy', { endpoint: world.receiver.on('/busy', busy) });
    await tenant.api.register('free', { endpoint: world.receiver.on('/free', ok) });
    const refused = await tenant.api.accepted({ destinations: ['busy'] });
    await eventually({ until: 'the pause to be asked for' }, async () => {
      expect(world.receiver.at('/busy')).toHaveLength(1);
      expect(await world.count(`FROM lanes WHERE paused_until > now()`)).toBe(1);
    });
    const later = await tenant.api.accepted({ destinations: ['busy'] });
    const free = await tenant.api.accepted({ destinations: ['free'] });
    await ended(tenant, free);
    await Promise.all([ended(tenant, refused), ended(tenant, later)]);
    const [first, ...rest] = world.receiver.at('/busy');
    expect(rest).toHaveLength(2);
    for (const { at } of rest) expect(at - (first?.at ?? Infinity)).toBeGreaterThanOrEqual(1900);
    expect(world.receiver.at('/free')[0]?.at).toBeLessThan(Math.min(...rest.map(({ at }) => at)));
  });
});
