import { type JsonObject } from '../../src/kernel/json';
import { Api, must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { World } from '../support/world';

const PATH = '/api/v1/data-types';
const SCHEMA = {
  type: 'object',
  required: ['id', 'lines'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', pattern: '^[A-Z]{2}-\\d+$' },
    mail: { type: 'string', format: 'email', 'x-sensitive': true },
    lines: {
      type: 'array',
      items: { type: 'object', required: ['sku'], properties: { sku: { enum: ['a', 'b'] } } },
    },
  },
};

let world: World;
let platform: Api;
let tenant: TestTenant;
let tenants = 0;

beforeAll(async () => {
  world = await World.create();
  platform = new Api(() => world.service.url, world.service.adminKey);
});
beforeEach(async () => {
  tenant = await world.tenant(`types-${++tenants}`);
});
afterAll(() => world.dispose());

const make = (body: JsonObject, api = tenant.api) => api.json('POST', PATH, { name: 'Of a test', ...body });

async function fieldsRefused(submission: JsonObject): Promise<string[]> {
  const { body } = must(await tenant.api.submit({ data_type: 'order', ...submission }), 400);
  const details = body['details'] as { field: string } | { field: string }[];
  return [details].flat().map(({ field }) => field);
}

describe('a data type', () => {
  it('holds payloads to its schema, naming every place', async () => {
    must(await make({ id: 'order', schema_definition: SCHEMA }), 201);
    await tenant.api.accepted({ data_type: 'order', payload: { id: 'IT-1', lines: [{ sku: 'a' }] } });
    const payload = { id: 'x', mail: 'nobody', lines: [{ sku: 'a' }, { sku: 'c' }, {}], more: 1 };
    expect((await fieldsRefused({ payload })).sort()).toEqual([
      'payload.id',
      'payload.lines[1].sku',
      'payload.lines[2].sku',
      'payload.mail',
      'payload.more',
    ]);
    const bulk = await tenant.api.bulk([
      { data_type: 'order', payload: {} },
      { data_type: 'order', payload },
    ]);
    expect(bulk.body.rejected.map(({ index, error }) => [index, error])).toEqual([
      [0, 'VALIDATION_ERROR'],
      [1, 'VALIDATION_ERROR'],
    ]);
  });

  it('leaves the repeat of an accepted job its first answer, whatever has changed since', async () => {
    const submission = { data_type: 'order', payload: { id: 1 }, distribution_id: 'early' };
    const first = must(await tenant.api.submit(submission), 202).body;
    must(await make({ id: 'order', schema_definition: SCHEMA }), 201);
    const again = must(await tenant.api.submit(submission), 200).body;
    expect(again).toMatchObject({ distribution_id: first.distribution_id, idempotent_replay: true });
    const bulk = await tenant.api.bulk([submission, { ...submission, distribution_id: 'late' }]);
    expect(bulk.body).toMatchObject({ distribution_ids: ['early'], rejected: [{ index: 1 }] });
    expect(await fieldsRefused({ ...submission, payload: { id: 2 } })).toContain('payload.id');
  });

  it('refuses a payload that its schema would be exponentially long about', async () => {
    const alternatives = (depth: number): JsonObject =>
      depth === 0
        ? { required: ['gone'] }
        : { anyOf: Array(2).fill({ $ref: `#/$defs/n${depth}` }) as JsonObject[] };
    const $defs = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`n${n + 1}`, alternatives(n)]));
    must(await make({ id: 'order', schema_definition: { $ref: '#/$defs/n40', $defs } }), 201);
    expect(await fieldsRefused({ payload: {} })).toEqual(['payload']);
  });

  it('holds submissions to its validation rules', async () => {
    const validation_rules = { max_bytes: 20, required_metadata: ['origin'], allowed_priorities: ['high'] };
    must(await make({ id: 'order', validation_rules }), 201);
    expect(await fieldsRefused({ payload: { text: 'x'.repeat(20) } })).toEqual([
      'payload',
      'metadata.origin',
      'priority',
    ]);
    await tenant.api.accepted({
      data_type: 'order',
      payload: {},
      metadata: { origin: 'tests' },
      priority: 'high',
    });
  });

  it('can be changed, and counts its versions on when it comes back', async () => {
    must(await make({ id: 'order', schema_definition: SCHEMA }), 201);
    must(await make({ id: 'order' }), 409);
    must(await tenant.api.json('PATCH', `${PATH}/order`, { schema_definition: null }), 200);
    await tenant.api.accepted({ data_type: 'order', payload: { anything: 1 } });
    must(await tenant.api.send('DELETE', `${PATH}/order`), 204);
    must(await tenant.api.get(`${PATH}/order`), 404);
    expect(must(await make({ id: 'order' }), 201).body).toMatchObject({ version: 3 });
    const { body } = await tenant.api.get<{ versions: Reply[] }>(`${PATH}/order/versions`);
    expect(body.versions.map(({ version }) => version)).toEqual([3, 2, 1]);
  });

  it('that is unknown is refused by a tenant that is strict', async () => {
    await tenant.api.accepted({ data_type: 'unheard-of' });
    const path = `/api/v1/tenants/${tenant.id}`;
    must(await platform.json('PATCH', path, { config: { strict_data_types: true } }), 200);
    await eventually({ until: 'the tenant to be strict', withinMs: 2000 }, async () => {
      expect(await fieldsRefused({ data_type: 'unheard-of' })).toEqual(['data_type']);
    });
  });

  it('of the platform serves every tenant, until the tenant has its own', async () => {
    const id = `shared-${tenant.id}`;
    must(await make({ id, tenant_id: null }), 403);
    must(await make({ id, tenant_id: null, schema_definition: { required: ['a'] } }, platform), 201);
    await eventually({ until: 'the type to be in force', withinMs: 2000 }, async () => {
      expect(await fieldsRefused({ data_type: id, payload: {} })).toEqual(['payload.a']);
    });
    must(await tenant.api.json('PATCH', `${PATH}/${id}`, { name: 'Mine' }), 403);
    must(await make({ id, schema_definition: { required: ['b'] } }), 201);
    expect(await fieldsRefused({ data_type: id, payload: {} })).toEqual(['payload.b']);
    must(await tenant.api.send('DELETE', `${PATH}/${id}`), 204);
    expect(await fieldsRefused({ data_type: id, payload: {} })).toEqual(['payload.a']);
    must(await platform.send('DELETE', `${PATH}/${id}`), 204);
  });

  it.each<[string, JsonObject, string]>([
    ['no JSON Schema', { type: 'strin' }, 'schema_definition'],
    ['a reference to elsewhere', { $ref: 'https://example.com/s.json' }, 'schema_definition'],
    ['an expression that could run for ever', { pattern: '(a)\\1' }, 'schema_definition'],
    [
      'unbounded uniqueItems',
      { properties: { a: { uniqueItems: true } } },
      'schema_definition.properties.a.uniqueItems',
    ],
  ])('is refused with %s', async (_name, schema_definition, field) => {
    const { body } = must(await make({ id: 'bad', schema_definition }), 400);
    expect(body['details']).toMatchObject({ field });
  });

  it('cannot hang the service with a regular expression', async () => {
    must(await make({ id: 'order', schema_definition: { properties: { a: { pattern: '^(a+)+$' } } } }), 201);
    expect(await fieldsRefused({ payload: { a: `${'a'.repeat(50_000)}!` } })).toEqual(['payload.a']);
  });
});
