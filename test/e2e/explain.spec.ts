import { gunzipSync } from 'node:zlib';
import { type JsonObject } from '../../src/kernel/json';
import { must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { ok } from '../support/receiver';
import { explain, makeRule, routing, rulesPath } from '../support/rules';
import { World } from '../support/world';

let world: World;
let tenants = 0;

beforeAll(async () => {
  world = await World.create();
});
afterAll(() => world.dispose());

/** A tenant of its own for each test, with receivers under these names. */
async function tenantWith(...destinations: string[]): Promise<TestTenant> {
  const tenant = await world.tenant(`explain-${++tenants}`);
  for (const name of destinations) {
    await tenant.api.register(name, { endpoint: world.receiver.on(`/${tenant.id}/${name}`, ok) });
  }
  return tenant;
}

describe('explain', () => {
  const sensitive = {
    id: 'report',
    name: 'Report',
    schema_definition: { properties: { mail: { type: 'string', 'x-sensitive': true } } },
  };
  const transformation = (name: string, destination: string, transform: JsonObject | string): JsonObject => ({
    name,
    rule_type: 'transformation',
    actions: { transform, destinations: [destination] },
  });

  it('shows to the byte what each destination then receives', async () => {
    const tenant = await tenantWith('plain', 'filtered', 'named', 'inline', 'fails');
    must(await tenant.api.json('POST', '/api/v1/data-types', sensitive), 201);
    const csv = { name: 'as-csv', engine: 'jsonata', spec: 'lines', output_format: 'csv' };
    must(await tenant.api.json('POST', '/api/v1/transforms', csv), 201);
    await tenant.api.patchDestination('filtered', {
      transform_config: { filters: { exclude_sensitive_data: true } },
    });
    await makeRule(tenant, {
      name: 'not the tests',
      rule_type: 'filtering',
      conditions: { metadata: { test: [true] } },
      actions: { drop: true },
    });
    await makeRule(tenant, { name: 'first', rule_type: 'prioritization', actions: { priority: 'high' } });
    await makeRule(
      tenant,
      routing('all', { destinations: ['plain', 'filtered', 'named', 'inline', 'fails'] }),
    );
    await makeRule(tenant, transformation('t1', 'named', 'as-csv'));
    await makeRule(
      tenant,
      transformation('t2', 'inline', { engine: 'liquid', spec: 'To {{ mail }}', output_format: 'text' }),
    );
    await makeRule(tenant, transformation('t3', 'fails', { engine: 'jsonata', spec: '$number(mail)' }));

    const submission = {
      payload: { total: 1.5, mail: 'ada@example.com', lines: [{ sku: 'a', qty: 2 }] },
      options: { compression: 'gzip' },
    };
    const { destinations, priority, rules_version } = await explain(tenant, submission);
    expect(priority).toBe('high');
    expect(destinations.find(({ name }) => name === 'fails')).toMatchObject({
      content: null,
      error: { code: 'TRANSFORMATION_FAILED', message: expect.stringMatching(/Unable to cast/) as string },
    });
    expect(destinations.find(({ name }) => name === 'named')?.content?.body).toBe('qty,sku\r\n2,a\r\n');
    expect(destinations.find(({ name }) => name === 'filtered')?.content?.body).not.toMatch(/ada/);
    expect(await world.count(`FROM distribution_jobs WHERE tenant_id = '${tenant.id}'`)).toBe(0);

    const id = await tenant.api.accepted(submission);
    for (const { name, content } of destinations) {
      if (content === null) continue;
      const [receipt] = await world.receiver.received(1, `/${tenant.id}/${name}`);
      expect(receipt?.headers).toMatchObject({
        'content-type': content.content_type,
        'content-encoding': content.content_encoding,
      });
      expect([name, gunzipSync(receipt?.body ?? '').toString()]).toEqual([name, content.body]);
    }
    const ended = await eventually({ until: 'the job to end' }, async () => {
      const { body } = await tenant.api.status(id);
      expect(body.status).toBe('failed');
      return body;
    });
    expect(ended).toMatchObject({ rules_version });
    const failed = ended.destinations.filter(({ error_code }) => error_code !== null);
    expect(failed).toMatchObject([{ name: 'fails', error_code: 'TRANSFORMATION_FAILED' }]);
  });

  it('cuts what is too long to be read, and says so', async () => {
    const tenant = await tenantWith('crm');
    const { destinations } = await explain(tenant, {
      destinations: ['crm'],
      payload: { text: 'x'.repeat(100_000) },
    });
    expect(destinations[0]?.content).toMatchObject({ truncated: true, bytes: 100_012 });
    expect(destinations[0]?.content?.body).toHaveLength(65_536);
  });
});

describe('a rule that takes too much work on a job', () => {
  it('refuses the job, in explain and in match too, and leaves the other jobs alone', async () => {
    const tenant = await tenantWith('crm');
    const crafted = Array.from({ length: 250 }, (_, i) => ({ wildcard: `*${'a'.repeat(i + 1)}c*` }));
    const conditions = { payload: { text: crafted } };
    await makeRule(tenant, routing('crafted', { destinations: ['crm'] }, { conditions }));
    const payload = { text: 'a'.repeat(200_000) };
    const job = { data_type: 'report', payload };
    const refused = { error: 'VALIDATION_ERROR', details: { field: 'payload' } };
    expect(must(await tenant.api.submit(job), 400).body).toMatchObject(refused);
    expect(must(await tenant.api.json('POST', `${rulesPath}/explain`, job), 400).body).toMatchObject(refused);
    const trial = { pattern: conditions, event: { payload } };
    expect(must(await tenant.api.json('POST', `${rulesPath}/match`, trial), 400).body).toMatchObject({
      error: 'VALIDATION_ERROR',
      details: { field: 'event' },
    });
    const { destinations } = await explain(tenant, { payload: { text: 'xaacx' } });
    expect(destinations.map(({ name }) => name)).toEqual(['crm']);
  });
});
