import { gunzipSync } from 'node:zlib';
import { type JsonObject } from '../../src/kernel/json';
import { OUTPUT_FORMATS } from '../../src/transforms/transform';
import { type Answer, type Api, must, type StatusReply } from '../support/api';
import { eventually } from '../support/eventually';
import { type Receipt } from '../support/receiver';
import { World } from '../support/world';

const PAYLOAD = {
  report_id: 'R-1',
  data: { total: 3, average: 1.5, secret: 'x' },
  items: [
    { name: 'a', price: 2 },
    { name: 'b', price: 4 },
  ],
};
const POISON = { engine: 'jsonata', spec: '($f := function($x) { $f($x + 1) }; $f(1))' };

describe('transforms in the service', () => {
  let world: World;
  let acme: Api;
  let other: Api;

  beforeAll(async () => {
    world = await World.create();
    acme = (await world.tenant('acme')).api;
    other = (await world.tenant('other')).api;
  });

  afterAll(() => world.dispose());

  const inline = (path: string, more: JsonObject = {}): JsonObject => ({
    name: path.slice(1),
    protocol: 'REST',
    endpoint: `${world.receiver.url}${path}`,
    ...more,
  });

  const submit = (api: Api, destination: JsonObject | string, options: JsonObject = {}): Promise<string> =>
    api.accepted({ payload: PAYLOAD, destinations: [destination], options });

  const received = async (path: string): Promise<Receipt> =>
    (await world.receiver.received(1, path))[0] as Receipt;
  const textAt = async (path: string): Promise<string> => (await received(path)).body.toString();
  const jsonAt = async (path: string): Promise<unknown> => JSON.parse(await textAt(path)) as unknown;

  const failed = (api: Api, id: string): Promise<StatusReply> =>
    eventually({ until: `${id} has failed` }, async () => {
      const { body } = await api.status(id);
      expect(body.status).toBe('failed');
      return body;
    });

  const ask = (method: string, path: string, body: JsonObject): Promise<Answer> =>
    acme.json(method, `/api/v1/transforms${path}`, body);

  const EXPECTED: Record<(typeof OUTPUT_FORMATS)[number], [contentType: string, body: string]> = {
    json: ['application/json', '[{"n":"a","p":2},{"n":"b","p":4}]'],
    ndjson: ['application/x-ndjson', '{"n":"a","p":2}\n{"n":"b","p":4}\n'],
    xml: [
      'application/xml',
      '<?xml version="1.0" encoding="UTF-8"?>\n<root><item><n>a</n><p>2</p></item><item><n>b</n><p>4</p></item></root>',
    ],
    csv: ['text/csv; charset=utf-8', 'n,p\r\na,2\r\nb,4\r\n'],
    form: ['application/x-www-form-urlencoded', 'n=a&n=b'],
    text: ['text/plain; charset=utf-8', '[{"n":"a","p":2},{"n":"b","p":4}]'],
    raw: ['application/octet-stream', '[{"n":"a","p":2},{"n":"b","p":4}]'],
  };

  it.each(OUTPUT_FORMATS)('delivers what an expression made of the payload as %s', async (output_format) => {
    const spec = output_format === 'form' ? '{"n": items.name}' : 'items.{"n": name, "p": price}';
    const path = `/jsonata-${output_format}`;
    await submit(acme, inline(path, { transform: { engine: 'jsonata', spec, output_format } }));
    const { headers, body } = await received(path);
    expect([headers['content-type'], body.toString()]).toEqual(EXPECTED[output_format]);
  });

  it('delivers a field mapping, and a text from a template', async () => {
    const mapping = { engine: 'field_mapping', spec: { 'data.total': 'report.count', report_id: 'id' } };
    const template = { engine: 'liquid', spec: 'Report {{ report_id }}', output_format: 'text' };
    await submit(acme, inline('/mapping', { transform: mapping }));
    await submit(acme, inline('/template', { transform: template }));
    expect(await jsonAt('/mapping')).toEqual({ report: { count: 3 }, id: 'R-1' });
    expect(await textAt('/template')).toBe('Report R-1');
  });

  it('compresses what the transform made', async () => {
    const transform = { engine: 'jsonata', spec: 'report_id', output_format: 'text' };
    await submit(acme, inline('/zipped', { transform }), { compression: 'gzip' });
    const { headers, body } = await received('/zipped');
    expect([headers['content-encoding'], gunzipSync(body).toString()]).toEqual(['gzip', 'R-1']);
  });

  it('takes the transform of the destination, unless the request brings its own; the filters hold in both', async () => {
    const filters = { include_metrics: ['total', 'average'] };
    must(await ask('POST', '', { name: 'totals', engine: 'jsonata', spec: 'data' }), 201);
    for (const name of ['own', 'overridden']) {
      const endpoint = `${world.receiver.url}/${name}`;
      await acme.register(name, { endpoint }, { transform_config: { transform: 'totals', filters } });
    }
    await submit(acme, 'own');
    await submit(acme, { name: 'overridden', transform: { engine: 'jsonata', spec: '$keys(data)' } });
    expect(await jsonAt('/own')).toEqual({ total: 3, average: 1.5 });
    expect(await jsonAt('/overridden')).toEqual(['total', 'average']);
  });

  it('fails once, with the reason, what cannot be transformed', async () => {
    const id = await submit(
      acme,
      inline('/never', { transform: { engine: 'jsonata', spec: '$number(report_id)' } }),
    );
    expect((await failed(acme, id)).destinations).toMatchObject([
      {
        error_code: 'TRANSFORMATION_FAILED',
        error_message: expect.stringMatching(/Unable to cast/) as string,
      },
    ]);
    const { attempts } = (await acme.attempts(id)).body;
    expect(attempts).toHaveLength(1);
    expect(JSON.stringify(attempts)).toMatch(/transformation failed: Unable to cast/);
    expect(world.receiver.at('/never')).toEqual([]);
  });

  it('says which name is not a transform', async () => {
    const status = await failed(acme, await submit(acme, inline('/unknown', { transform: 'nobody' })));
    expect(status.destinations[0]?.['error_message']).toMatch(/no transform is called nobody/);
  });

  it('delivers for one tenant while another one sends poison', async () => {
    const poison = await Promise.all(
      Array.from({ length: 12 }, (_none, index) =>
        submit(other, inline(`/poison-${index}`, { transform: POISON })),
      ),
    );
    const transform = { engine: 'jsonata', spec: 'report_id', output_format: 'text' };
    const paths = Array.from({ length: 10 }, (_none, index) => `/beside-${index}`);
    await Promise.all(paths.map((path) => submit(acme, inline(path, { transform }))));
    expect(await Promise.all(paths.map(textAt))).toEqual(paths.map(() => 'R-1'));
    for (const id of poison) {
      expect((await failed(other, id)).destinations[0]).toMatchObject({
        error_code: 'TRANSFORMATION_FAILED',
      });
    }
  });

  it('keeps versions with their authors, and refuses what would not compile', async () => {
    const input = { name: 'kept', engine: 'jsonata', spec: 'data.total' };
    const created = must(await ask('POST', '', input), 201).body;
    expect(created).toMatchObject({ name: 'kept', version: 1, output_format: 'json' });
    expect((await ask('PATCH', '/kept', { spec: 'data.average' })).body).toMatchObject({ version: 2 });
    expect((await acme.get('/api/v1/transforms/kept/versions')).body['versions']).toMatchObject([
      { version: 2, spec: 'data.average', changed_by: 'key:tests' },
      { version: 1, spec: 'data.total' },
    ]);
    expect(await ask('PUT', '/kept', { ...input, spec: 'a b' })).toMatchObject({
      status: 400,
      body: { error: 'VALIDATION_ERROR', details: { field: 'spec' } },
    });
    expect(await ask('POST', '', input)).toMatchObject({ status: 409 });
    expect(await other.get(`/api/v1/transforms/${String(created['id'])}`)).toMatchObject({ status: 404 });
    expect(await acme.send('DELETE', '/api/v1/transforms/kept')).toMatchObject({ status: 204 });
    expect(await acme.get('/api/v1/transforms/kept')).toMatchObject({ status: 404 });
  });

  it('is neither deleted nor renamed while a rule or destination uses it', async () => {
    const input = { name: 'used', engine: 'jsonata', spec: 'data.total' };
    must(await ask('POST', '', input), 201);
    const endpoint = `${world.receiver.url}/user`;
    await acme.register('user', { endpoint }, { transform_config: { transform: 'used' } });
    const rule = {
      name: 'user',
      rule_type: 'transformation',
      actions: { transform: 'used' },
      enabled: false,
    };
    const { body } = must(await acme.json('POST', '/api/v1/rules', rule), 201);
    const refusal = {
      status: 409,
      body: { message: expect.stringMatching(/the rule user, the destination/) as string },
    };
    expect(await acme.send('DELETE', '/api/v1/transforms/used')).toMatchObject(refusal);
    expect(await ask('PATCH', '/used', { name: 'other' })).toMatchObject(refusal);
    must(await ask('PATCH', '/used', { spec: 'data.average' }), 200);
    must(await acme.send('DELETE', `/api/v1/rules/${String(body['rule_id'])}`), 204);
    must(await acme.patchDestination('user', { transform_config: {} }), 200);
    must(await acme.send('DELETE', '/api/v1/transforms/used'), 204);
  });

  it('previews what a delivery would carry', async () => {
    const preview = (transform: JsonObject | string, more: JsonObject = {}): Promise<Answer> =>
      ask('POST', '/preview', { transform, input: PAYLOAD, ...more });
    expect(await preview({ engine: 'jsonata', spec: 'items' }, { format: 'csv' })).toMatchObject({
      status: 200,
      body: { output: 'name,price\r\na,2\r\nb,4\r\n', content_type: 'text/csv; charset=utf-8' },
    });
    expect(await preview({ engine: 'jsonata', spec: '$eval("1")' })).toMatchObject({
      status: 422,
      body: { error: 'TRANSFORMATION_FAILED' },
    });
    expect(await preview('missing')).toMatchObject({ status: 404 });
    expect(await preview({ engine: 'perl', spec: '' })).toMatchObject({
      status: 400,
      body: { details: { field: 'engine' } },
    });
  });

  it('leaves out what the data type marks as sensitive, also where the destination alone asks for it', async () => {
    const schema = {
      properties: { data: { properties: { secret: { type: 'string', 'x-sensitive': true } } } },
    };
    await world.rows(
      `INSERT INTO data_types (id, tenant_id, name, schema_definition) VALUES ('report', 'acme', 'r', $1)`,
      [JSON.stringify(schema)],
    );
    const endpoint = `${world.receiver.url}/sensitive`;
    await acme.register(
      'sensitive',
      { endpoint },
      { transform_config: { filters: { exclude_sensitive_data: true } } },
    );
    await submit(acme, { name: 'sensitive', transform: { engine: 'jsonata', spec: 'data' } });
    expect(await jsonAt('/sensitive')).toEqual({ total: 3, average: 1.5 });
  });

  it.each<[string, JsonObject, string]>([
    ['in its form', { engine: 'jsonata', spec: 'a', output_format: 'pdf' }, 'transform_config.output_format'],
    ['in its expression', { engine: 'jsonata', spec: 'a b' }, 'transform_config.spec'],
    [
      'in its template',
      { transform: { engine: 'liquid', spec: '{% if %}' } },
      'transform_config.transform.spec',
    ],
    ['in its name', { transform: 'nobody' }, 'transform_config.transform'],
  ])('refuses a destination whose transform_config is wrong: %s', async (_what, transform_config, field) => {
    const answer = await acme.json('POST', '/api/v1/destinations/register', {
      name: 'wrong',
      protocol: 'REST',
      configuration: { endpoint: world.receiver.url },
      transform_config,
    });
    expect(answer).toMatchObject({ status: 400, body: { details: { field } } });
  });
});
