import { readFile } from 'node:fs/promises';
import { type JsonObject } from '../../src/kernel/json';
import { Api, must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type Behaviour } from '../support/receiver';
import { World } from '../support/world';

type Line = JsonObject & { type: string };

let world: World;
let platform: Api;

beforeAll(async () => {
  world = await World.create({ ROLE: 'all' });
  platform = new Api(() => world.service.url, world.service.adminKey);
});

afterAll(() => world.dispose());

const path = (tenant: string): string => `/api/v1/tenants/${tenant}/export`;

/** As it comes; nothing of the body is read yet. */
function open(api: Api, tenant: string, body?: JsonObject): Promise<Response> {
  const base = typeof api.url === 'string' ? api.url : api.url();
  const headers = { 'x-api-key': api.key, 'content-type': 'application/json' };
  return fetch(`${base}${path(tenant)}`, {
    headers,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of (response.body as ReadableStream<Uint8Array>).pipeThrough(
    new TextDecoderStream(),
  )) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  expect(rest).toBe('');
}

async function exported(api: Api, tenant: string, body?: JsonObject): Promise<Line[]> {
  const response = await open(api, tenant, body);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('application/x-ndjson');
  const lines: Line[] = [];
  for await (const text of linesOf(response)) lines.push(JSON.parse(text) as Line);
  return lines;
}

const typesIn = (lines: Line[]): string[] => [...new Set(lines.map(({ type }) => type))].sort();
const ofType = (lines: Line[], type: string): Line[] => lines.filter((line) => line.type === type);

const echo =
  (status: number): Behaviour =>
  ({ body }) => ({ status, body: body.toString('utf8') });

const about = (who: string): JsonObject => ({ people: [{ tax_code: who }, { tax_code: 'other' }] });
const subjectOf = (who: string): JsonObject => ({ subject: { path: 'payload.people.tax_code', value: who } });

async function erased(api: Api, tenant: string, body: JsonObject): Promise<void> {
  const begun = must(await api.json('POST', `/api/v1/tenants/${tenant}/erase`, body), 202);
  await eventually({ until: 'the erasure to end' }, async () => {
    const found = await api.get(`/api/v1/tenants/${tenant}/erasures/${String(begun.body['erasure_id'])}`);
    expect(found.body['status']).toBe('completed');
  });
}

/** Two jobs about Anna, one of them encrypted and failing, and one about Bruno; configuration of every kind. */
async function furnish({ api }: TestTenant, name: string): Promise<void> {
  const auth = { type: 'bearer', token: 'token-of-the-receiver' };
  await api.register('good', { endpoint: world.receiver.on(`/${name}/good`, echo(200)), auth });
  await api.register('bad', { endpoint: world.receiver.on(`/${name}/bad`, echo(422)) });
  const callback_url = world.receiver.on(`/${name}/callback?token=of-the-callback`, echo(200));
  const inline = { name: 'inline', protocol: 'REST', endpoint: `${world.receiver.url}/${name}/inline`, auth };
  const job = { data_type: 'report', payload: about('anna') };
  const jobs = [
    await api.accepted({ ...job, destinations: ['good', inline], callback_url }),
    await api.accepted({ ...job, destinations: ['bad'], options: { encryption_required: true } }),
    ...must(await api.bulk([{ ...job, payload: about('bruno'), destinations: ['good'] }]), 202).body
      .distribution_ids,
  ];
  for (const id of jobs) {
    await eventually({ until: `${id} to end` }, async () => {
      expect(['completed', 'failed']).toContain((await api.status(id)).body.status);
    });
  }
  const user = { username: 'maria', password: 'a long password', role: 'viewer' };
  must(await api.json('POST', '/api/v1/users', user), 201);
  must(await api.json('POST', '/api/v1/data-types', { id: 'person', name: 'person' }), 201);
  must(
    await api.json('POST', '/api/v1/transforms', { name: 't', engine: 'field_mapping', spec: { a: 'b' } }),
    201,
  );
  const rule = { name: 'r', rule_type: 'routing', actions: { destinations: ['good'] }, enabled: false };
  must(await api.json('POST', '/api/v1/rules', rule), 201);
  must(await api.json('POST', '/api/v1/dead-letters/redrive', { filter: { data_type: 'none' } }), 202);
  await erased(api, name, { ...subjectOf('nobody'), dry_run: true });
}

describe('the export of a tenant', () => {
  it('has a line for every record of every kind, payloads as they were submitted, and no secret', async () => {
    const tenant = await world.tenant('whole');
    await furnish(tenant, 'whole');
    const lines = await exported(tenant.api, 'whole');
    expect(typesIn(lines)).toEqual(
      [
        ...[
          'api_key',
          'attempt',
          'audit_entry',
          'batch',
          'bulk_operation',
          'callback',
          'configuration_version',
        ],
        ...[
          'data_type',
          'dead_letter',
          'destination',
          'destination_version',
          'end',
          'erasure',
          'event',
          'export',
        ],
        ...['job', 'log_line', 'rule', 'signing_secret', 'tenant', 'transform', 'user'],
      ].sort(),
    );
    expect(lines[0]).toMatchObject({ type: 'export', tenant_id: 'whole', subject: null });
    const { counts } = lines.at(-1) as unknown as { counts: Record<string, number> };
    for (const [type, count] of Object.entries(counts))
      expect({ type, count: ofType(lines, type).length }).toEqual({ type, count });
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(lines.length - 2);
    expect(counts).toMatchObject({
      job: 3,
      attempt: 4,
      user: 1,
      destination: 2,
      callback: 1,
      dead_letter: 1,
    });
    expect(ofType(lines, 'job').map(({ payload }) => payload)).toEqual([
      about('anna'),
      about('anna'),
      about('bruno'),
    ]);
    expect(lines.every((line) => line['tenant_id'] === undefined || line['tenant_id'] === 'whole')).toBe(
      true,
    );

    const text = JSON.stringify(lines);
    expect(text).toContain('********');
    for (const secret of [
      'token-of-the-receiver',
      'of-the-callback',
      'password_hash',
      'key_hash',
      '$sealed',
      'v1.',
    ]) {
      expect({ secret, found: text.includes(secret) }).toEqual({ secret, found: false });
    }
    const { body } = await tenant.api.get<{ entries: JsonObject[] }>('/api/v1/audit-log?action=export');
    expect(body.entries).toHaveLength(1);
    expect((await exported(platform, 'whole')).length).toBe(lines.length + 1);
  });

  it('is for its administrators and the platform', async () => {
    const { api } = await world.tenant('closed');
    const { key } = await api.createKey('reader', ['distribution:read', 'config:read']);
    must(await new Api(world.service.url, String(key)).get(path('closed')), 403);
    must(await api.get(path('whole')), 403);
    must(await platform.get(path('nobody-at-all')), 404);
    must(await platform.json('POST', path('closed'), {}), 400);
  });
});

describe('the export of a data subject', () => {
  it('has the jobs about it with their history and nothing else, and after its erasure none', async () => {
    const tenant = await world.tenant('subject');
    await furnish(tenant, 'subject');
    const lines = await exported(tenant.api, 'subject', subjectOf('anna'));
    expect(typesIn(lines)).toEqual([
      'attempt',
      'callback',
      'dead_letter',
      'end',
      'event',
      'export',
      'job',
      'log_line',
    ]);
    expect(lines.at(-1)).toMatchObject({ counts: { job: 2, attempt: 3, callback: 1, dead_letter: 1 } });
    expect(JSON.stringify(lines)).not.toContain('bruno');

    await erased(tenant.api, 'subject', subjectOf('anna'));
    expect((await exported(tenant.api, 'subject', subjectOf('anna'))).at(-1)).toEqual({
      type: 'end',
      counts: {},
    });
    const whole = await exported(tenant.api, 'subject');
    expect(ofType(whole, 'job')).toHaveLength(1);
    expect(JSON.stringify(ofType(whole, 'audit_entry'))).not.toContain('"anna"');
  });
});

const JOBS = 20_000;
const LARGE = 8_192;
const SMALL = 100;

/** So many jobs like one that was accepted, written past the service. */
async function fill({ id: tenant, api }: TestTenant, payloadBytes: number): Promise<void> {
  await api.accepted({ payload: { text: 'x'.repeat(payloadBytes) }, destinations: [] });
  await world.rows(
    `INSERT INTO distribution_jobs
     SELECT (jsonb_populate_record(j, jsonb_build_object('id',
       left(j.id::text, 24) || lpad(to_hex(n), 12, '0'), 'distribution_id', 'copy-' || n))).*
     FROM distribution_jobs j CROSS JOIN generate_series(1, $2::int) n WHERE tenant_id = $1`,
    [tenant, JOBS - 1],
  );
}

/** Of the service, in MiB: the most it has ever had in memory. */
async function peakMemory(): Promise<number> {
  const status = await readFile(`/proc/${world.service.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

async function countJobs(response: Response): Promise<{ jobs: number; last: string }> {
  let jobs = 0;
  let last = '';
  for await (const text of linesOf(response)) {
    if (text.startsWith('{"type": "job"')) jobs++;
    last = text;
  }
  return { jobs, last };
}

describe('an export of 20,000 jobs', () => {
  it('waits for its reader in little memory, is the only one of its tenant, and ends when the reader leaves', async () => {
    const [slow, fast] = [await world.tenant('slow-reader'), await world.tenant('fast-reader')];
    await fill(slow, LARGE);
    await fill(fast, SMALL);
    const before = await peakMemory();
    const unread = await open(slow.api, slow.id);
    const refused = await open(slow.api, slow.id);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30']);
    await refused.text();

    const read = await countJobs(await open(fast.api, fast.id));
    expect(read.jobs).toBe(JOBS);
    expect(JSON.parse(read.last)).toMatchObject({ type: 'end', counts: { job: JOBS } });
    // The one that nobody reads has 160 MB, and has had the time for them.
    expect((await peakMemory()) - before).toBeLessThan(100);
    await unread.body?.cancel();
    await eventually({ until: 'the next one to be let in' }, async () => {
      must(await slow.api.json('POST', path(slow.id), subjectOf('nobody')), 200);
    });
  }, 180_000);

  it('breaks off without its last line when the service stops, which does not wait for the reader', async () => {
    const unread = await open(platform, 'slow-reader');
    expect(await world.service.stop()).toBe(0);
    await expect(countJobs(unread)).rejects.toThrow();
    await world.service.start();
  });
});
