import { type JsonObject } from '../../src/kernel/json';
import { Api, must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { ok } from '../support/receiver';
import { explain, makeRule, routing, rulesPath } from '../support/rules';
import { TestService } from '../support/service';
import { World } from '../support/world';

let world: World;
let other: TestService;
let tenants = 0;

beforeAll(async () => {
  world = await World.create();
  const { dataDir } = world.service;
  other = await TestService.start({ databaseUrl: world.database.url, dataDir, env: { ROLE: 'api' } });
});

afterAll(async () => {
  await other.dispose();
  await world.dispose();
});

/** A tenant of its own for each test, with receivers under these names. */
async function tenantWith(...destinations: string[]): Promise<TestTenant> {
  const tenant = await world.tenant(`changes-${++tenants}`);
  for (const name of destinations) {
    await tenant.api.register(name, { endpoint: world.receiver.on(`/${tenant.id}/${name}`, ok) });
  }
  return tenant;
}

/** The same tenant, asking the other process. */
const elsewhere = (tenant: TestTenant): TestTenant => ({
  ...tenant,
  api: new Api(() => other.url, tenant.api.key),
});

async function plannedNames(tenant: TestTenant): Promise<string[]> {
  const id = await tenant.api.accepted({});
  const { body } = must(await tenant.api.status(id), 200);
  return body.destinations.map(({ name }) => name);
}

const soon = { until: 'the change to be in force in the other process', withinMs: 2000 };

describe('a rule that is changed', () => {
  it('through one process plans the next job that another one accepts, within about a second', async () => {
    const tenant = await tenantWith('crm', 'lake');
    const there = elsewhere(tenant);
    const comesTo = (names: string[]) =>
      eventually(soon, async () => expect(await plannedNames(there)).toEqual(names));
    await comesTo([]);
    const id = await makeRule(tenant, routing('r', { destinations: ['crm'] }));
    await comesTo(['crm']);
    const path = `${rulesPath}/${id}`;
    must(await tenant.api.json('PATCH', path, { actions: { destinations: ['lake'] } }), 200);
    expect(await plannedNames(tenant)).toEqual(['lake']);
    await comesTo(['lake']);
    must(await tenant.api.json('POST', `${path}/disable`, {}), 200);
    await comesTo([]);
    must(await tenant.api.json('POST', `${path}/enable`, {}), 200);
    await comesTo(['lake']);
    must(await tenant.api.send('DELETE', path), 204);
    await comesTo([]);
  });

  it('reaches other processes by a hint, long before they would look by themselves', async () => {
    const tenant = await tenantWith('crm', 'lake');
    const there = elsewhere(tenant);
    const id = await makeRule(tenant, routing('r', { destinations: ['crm'] }));
    const delays: number[] = [];
    for (const name of ['lake', 'crm', 'lake', 'crm', 'lake']) {
      // They have just looked: without a hint they would not look again for nearly a second.
      await plannedNames(there);
      const saved = performance.now();
      must(await tenant.api.json('PATCH', `${rulesPath}/${id}`, { actions: { destinations: [name] } }), 200);
      await eventually({ until: `${name} to be planned`, withinMs: 2000 }, async () =>
        expect((await explain(there, {})).destinations.map((one) => one.name)).toEqual([name]),
      );
      delays.push(performance.now() - saved);
    }
    expect(Math.min(...delays)).toBeLessThan(700);
  });
});

describe('a transform that is changed', () => {
  it('through one process makes the bodies of another one, within about a second', async () => {
    const tenant = await tenantWith('crm');
    const there = elsewhere(tenant);
    const transform = (spec: string): JsonObject => ({ name: 'short', engine: 'jsonata', spec });
    const { body } = must(await tenant.api.json('POST', '/api/v1/transforms', transform('{"v": 1}')), 201);
    const job = { destinations: [{ name: 'crm', transform: 'short' }] };
    const comesTo = (text: string) =>
      eventually(soon, async () =>
        expect((await explain(there, job)).destinations[0]?.content?.body).toBe(text),
      );
    await comesTo('{"v":1}');
    const path = `/api/v1/transforms/${String(body['id'])}`;
    must(await tenant.api.json('PATCH', path, { spec: '{"v": 2}' }), 200);
    await comesTo('{"v":2}');
  });
});

describe('a data type that is changed', () => {
  it('through one process refuses what another one is given, within about a second', async () => {
    const tenant = await tenantWith('crm');
    const there = elsewhere(tenant);
    const schema = (type: string): JsonObject => ({ schema_definition: { properties: { total: { type } } } });
    const dataType = { id: 'bill', name: 'Bill', ...schema('integer') };
    must(await tenant.api.json('POST', '/api/v1/data-types', dataType), 201);
    const job = { data_type: 'bill', payload: { total: 1 }, destinations: ['crm'] };
    const comesTo = (status: number) =>
      eventually(soon, async () => expect((await there.api.submit(job)).status).toBe(status));
    await comesTo(202);
    must(await tenant.api.json('PATCH', '/api/v1/data-types/bill', schema('string')), 200);
    await comesTo(400);
    must(await tenant.api.json('PATCH', '/api/v1/data-types/bill', schema('number')), 200);
    await comesTo(202);
  });
});
