import { setTimeout as pause } from 'node:timers/promises';
import { OUTPUT_FORMATS } from '../../src/transforms/transform';
import { type Answer, TestReceiver, TestService } from '../support/service';

const PAYLOAD = {
  report_id: 'R-1',
  data: { total: 3, average: 1.5, secret: 'x' },
  items: [
    { name: 'a', price: 2 },
    { name: 'b', price: 4 },
  ],
};
const POISON = { engine: 'jsonata', spec: '($f := function($x) { $f($x + 1) }; $f(1))' };

interface Status {
  status: string;
  destinations: { error_code: string | null; error_message: string | null; attempts: number }[];
}

describe('transforms in the service', () => {
  const receiver = new TestReceiver();
  let receiverUrl: string;
  let service: TestService;

  beforeAll(async () => {
    receiverUrl = await receiver.start();
    service = await TestService.start();
    for (const id of ['acme', 'other']) await service.must('acme', 'POST', '/tenants', { id, name: id });
  });

  afterAll(async () => {
    await service.stop();
    await receiver.stop();
  });

  const inline = (path: string, more: object = {}): object => ({
    name: path.slice(1),
    protocol: 'REST',
    endpoint: `${receiverUrl}${path}`,
    ...more,
  });

  const submit = (tenant: string, destination: object | string, more: object = {}): Promise<Answer['body']> =>
    service.must(tenant, 'POST', '/distribution/submit', {
      data_type: 'report',
      payload: PAYLOAD,
      destinations: [destination],
      ...more,
    });

  /** Polls until the job is over. */
  async function settled(tenant: string, submitted: Answer['body']): Promise<Status> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const path = `/distribution/${String(submitted['distribution_id'])}/status`;
      const status = (await service.must(tenant, 'GET', path)) as unknown as Status;
      if (status.status === 'completed' || status.status === 'failed') return status;
      if (Date.now() > deadline) throw new Error(`still ${status.status}`);
      await pause(25);
    }
  }

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
    await submit('acme', inline(path, { transform: { engine: 'jsonata', spec, output_format } }));
    const { headers, body } = await receiver.at(path);
    expect([headers['content-type'], body]).toEqual(EXPECTED[output_format]);
  });

  it('delivers a field mapping, and a text from a template', async () => {
    const mapping = { engine: 'field_mapping', spec: { 'data.total': 'report.count', report_id: 'id' } };
    const template = { engine: 'liquid', spec: 'Report {{ report_id }}', output_format: 'text' };
    await submit('acme', inline('/mapping', { transform: mapping }));
    await submit('acme', inline('/template', { transform: template }));
    expect(JSON.parse((await receiver.at('/mapping')).body)).toEqual({ report: { count: 3 }, id: 'R-1' });
    expect((await receiver.at('/template')).body).toBe('Report R-1');
  });

  it('compresses what the transform made', async () => {
    const transform = { engine: 'jsonata', spec: 'report_id', output_format: 'text' };
    await submit('acme', inline('/zipped', { transform }), { options: { compression: 'gzip' } });
    const { headers, body } = await receiver.at('/zipped');
    expect([headers['content-encoding'], body]).toEqual(['gzip', 'R-1']);
  });

  it('takes the transform of the destination, unless the request brings its own; its filters hold in both', async () => {
    const register = (name: string): Promise<unknown> =>
      service.must('acme', 'POST', '/destinations/register', {
        name,
        protocol: 'REST',
        configuration: { endpoint: `${receiverUrl}/${name}` },
        transform_config: {
          transform: 'totals',
          filters: { include_metrics: ['total', 'average'] },
        },
      });
    await register('own');
    await register('overridden');
    await service.must('acme', 'POST', '/transforms', {
      name: 'totals',
      engine: 'jsonata',
      spec: 'data',
    });
    await submit('acme', 'own');
    await submit('acme', { name: 'overridden', transform: { engine: 'jsonata', spec: '$keys(data)' } });
    expect(JSON.parse((await receiver.at('/own')).body)).toEqual({ total: 3, average: 1.5 });
    expect(JSON.parse((await receiver.at('/overridden')).body)).toEqual(['total', 'average']);
  });

  it('fails once, with the reason, what cannot be transformed', async () => {
    const transform = { engine: 'jsonata', spec: '$number(report_id)' };
    const submitted = await submit('acme', inline('/never', { transform }));
    const status = await settled('acme', submitted);
    expect(status).toMatchObject({
      status: 'failed',
      destinations: [{ error_code: 'TRANSFORMATION_FAILED' }],
    });
    expect(status.destinations[0]?.error_message).toMatch(/Unable to cast value to a number/);
    const attempts = await service.must(
      'acme',
      'GET',
      `/distribution/${String(submitted['distribution_id'])}/attempts`,
    );
    expect(JSON.stringify(attempts)).toMatch(/transformation failed: Unable to cast/);
    expect((attempts['attempts'] as unknown[]).length).toBe(1);
    expect(receiver.received.map(({ path }) => path)).not.toContain('/never');
  });

  it('says which name is not a transform', async () => {
    const status = await settled('acme', await submit('acme', inline('/unknown', { transform: 'nobody' })));
    expect(status.destinations[0]?.error_message).toMatch(/no transform is called nobody/);
  });

  it('delivers for one tenant while another one sends poison', async () => {
    const poison = await Promise.all(
      Array.from({ length: 12 }, (_none, index) =>
        submit('other', inline(`/poison-${index}`, { transform: POISON })),
      ),
    );
    const transform = { engine: 'jsonata', spec: 'report_id', output_format: 'text' };
    const paths = Array.from({ length: 10 }, (_none, index) => `/beside-${index}`);
    await Promise.all(paths.map((path) => submit('acme', inline(path, { transform }))));
    const bodies = await Promise.all(paths.map((path) => receiver.at(path)));
    expect(bodies.map(({ body }) => body)).toEqual(paths.map(() => 'R-1'));
    for (const submitted of poison) {
      const status = await settled('other', submitted);
      expect(status.destinations[0]).toMatchObject({ error_code: 'TRANSFORMATION_FAILED' });
    }
  });

  it('keeps versions with their authors, and refuses what would not compile', async () => {
    const input = { name: 'kept', engine: 'jsonata', spec: 'data.total' };
    const created = await service.must('acme', 'POST', '/transforms', input);
    expect(created).toMatchObject({ name: 'kept', version: 1, output_format: 'json' });
    expect(await service.must('acme', 'PATCH', '/transforms/kept', { spec: 'data.average' })).toMatchObject({
      version: 2,
    });
    const { versions } = await service.must('acme', 'GET', '/transforms/kept/versions');
    expect(versions).toMatchObject([
      { version: 2, spec: 'data.average', changed_by: 'key:bootstrap' },
      { version: 1, spec: 'data.total' },
    ]);
    const broken = await service.call('acme', 'PUT', '/transforms/kept', { ...input, spec: 'a b' });
    expect(broken).toMatchObject({
      status: 400,
      body: { error: 'VALIDATION_ERROR', details: { field: 'spec' } },
    });
    expect(await service.call('acme', 'POST', '/transforms', input)).toMatchObject({ status: 409 });
    expect(await service.call('other', 'GET', `/transforms/${String(created['id'])}`)).toMatchObject({
      status: 404,
    });
    expect(await service.call('acme', 'DELETE', '/transforms/kept')).toMatchObject({ status: 204 });
    expect(await service.call('acme', 'GET', '/transforms/kept')).toMatchObject({ status: 404 });
  });

  it('previews what a delivery would carry', async () => {
    const preview = (transform: unknown, format?: string): Promise<Answer> =>
      service.call('acme', 'POST', '/transforms/preview', { transform, input: PAYLOAD, format });
    expect(await preview({ engine: 'jsonata', spec: 'items' }, 'csv')).toMatchObject({
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

  it('leaves out what the data type marks as sensitive', async () => {
    const filters = { exclude_sensitive_data: true };
    await service.must('acme', 'POST', '/transforms', { name: 'all', engine: 'jsonata', spec: '$' });
    await submit('acme', inline('/sensitive', { transform: 'all', filters }));
    // No such data type: nothing is marked.
    expect(JSON.parse((await receiver.at('/sensitive')).body)).toEqual(PAYLOAD);
  });

  it('refuses a destination whose transform_config is wrong', async () => {
    const answer = await service.call('acme', 'POST', '/destinations/register', {
      name: 'wrong',
      protocol: 'REST',
      configuration: { endpoint: receiverUrl },
      transform_config: { engine: 'jsonata', spec: 'a', output_format: 'pdf' },
    });
    expect(answer).toMatchObject({
      status: 400,
      body: { details: { field: 'transform_config.output_format' } },
    });
  });
});
