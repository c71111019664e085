import { Client } from 'pg';
import { TABLES_KEPT } from '../../src/data-protection/tables';
import { type JsonObject } from '../../src/kernel/json';
import { Api, must, type Reply, type TestTenant } from '../support/api';
import { Canaries, searchTables } from '../support/canaries';
import { runCommand } from '../support/command';
import { eventually } from '../support/eventually';
import { type Behaviour, hang, refuse } from '../support/receiver';
import { World } from '../support/world';

interface ErasureReply extends Reply {
  erasure_id: string;
  status: string;
  examined: number;
  waiting: number;
  counts: Record<string, number>;
}

const PATH = 'payload.data.citizens.tax_code';

let world: World;
let platform: Api;
let bystander: TestTenant;

beforeAll(async () => {
  world = await World.create();
  platform = new Api(() => world.service.url, world.service.adminKey);
  bystander = await world.tenant('bystander');
  await furnish(bystander, 'of-the-bystander');
});

afterAll(() => world.dispose());

const about = (taxCode: string): JsonObject => ({
  data: { citizens: [{ tax_code: taxCode }, { tax_code: 'X' }] },
});

const echo =
  (status: number): Behaviour =>
  ({ body }) => ({ status, body: body.toString('utf8') });

async function ended(api: Api, id: string): Promise<void> {
  await eventually({ until: `${id} to end` }, async () => {
    expect(['completed', 'failed', 'cancelled']).toContain((await api.status(id)).body.status);
  });
}

/** Jobs about a person in every state that rests, with everything that a job can leave behind. Tells how many. */
async function furnish({ id: tenant, api }: TestTenant, taxCode: string): Promise<number> {
  await api.register('good', { endpoint: world.receiver.on(`/${tenant}/good`, echo(200)) });
  await api.register('bad', {
    endpoint: world.receiver.on(`/${tenant}/bad`, echo(422)),
    ordering: { on_failure: 'block' },
  });
  const job = { payload: about(taxCode), destinations: ['good', 'bad'] };
  const callback_url = world.receiver.on(`/${tenant}/callback`, refuse(400));
  const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
  const delivered = [
    await api.accepted({ ...job, callback_url, options: { idempotency_key: 'a key', ordering_key: 'o' } }),
    await api.accepted({ ...job, options: { encryption_required: true } }),
    await api.accepted({ payload: {}, metadata: about(taxCode), destinations: [] }),
    ...must(await api.bulk([{ ...job, data_type: 'report', destinations: ['good'] }]), 202).body
      .distribution_ids,
  ];
  await api.accepted({ ...job, options: { deliver_at } });
  await Promise.all(delivered.map((id) => ended(api, id)));
  return delivered.length + 1;
}

/** Of every table with tenants in it. */
async function rowsOf(tenant: string): Promise<Record<string, number>> {
  const tables = await world.rows<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables)
    counts[name] = await world.count(`FROM ${name} WHERE tenant_id = $1`, [tenant]);
  return counts;
}

const erase = (api: Api, tenant: string, body: JsonObject) =>
  api.json<ErasureReply>('POST', `/api/v1/tenants/${tenant}/erase`, body);

const completed = (api: Api, tenant: string, erasure: ErasureReply): Promise<ErasureReply> =>
  eventually({ until: 'the erasure to end', withinMs: 30_000 }, async () => {
    const path = `/api/v1/tenants/${tenant}/erasures/${erasure.erasure_id}`;
    const { body } = must(await api.get<ErasureReply>(path), 200);
    expect(body.status).toBe('completed');
    return body;
  });

async function erased(api: Api, tenant: string, body: JsonObject): Promise<ErasureReply> {
  return completed(api, tenant, must(await erase(api, tenant, body), 202).body);
}

/** Keeps the last step of an erasure waiting until the session ends. */
async function lockLastJob(tenant: string): Promise<Client> {
  const client = new Client({ connectionString: world.database.url });
  await client.connect();
  await client.query('BEGIN');
  const last = 'SELECT id FROM distribution_jobs WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1 FOR UPDATE';
  await client.query(last, [tenant]);
  return client;
}

/** Its bucket and when its keys were used last change by every request. */
const lasting = ({ rate_limits: _bucket, ...counts }: Record<string, number>) => counts;

describe('the erasure of a data subject', () => {
  it('is counted by a dry run, removes every trace from every table, and nothing of anybody else', async () => {
    const canaries = new Canaries();
    const taxCode = canaries.plant('tax code');
    const { id, api } = await world.tenant('subject');
    const jobs = await furnish(await world.tenant('subject-twin'), 'twin');
    expect(await furnish({ id, api, signingSecret: '' }, taxCode)).toBe(jobs);
    const kept = await api.accepted({ payload: { other: { tax_code: 'Y' } }, destinations: ['good'] });
    await ended(api, kept);
    await searchTables((sql) => world.rows(sql), canaries);
    expect([...canaries.found]).toContain('tax code in distribution_jobs.payload');
    expect([...canaries.found]).toContain('tax code in distribution_attempts.response_body');
    canaries.found.clear();

    const before = await rowsOf(id);
    const others = [await rowsOf(bystander.id), await rowsOf('subject-twin')];
    const dry = await erased(api, id, { subject: { path: PATH, value: taxCode }, dry_run: true });
    expect(dry).toMatchObject({ dry_run: true, examined: jobs + 1 });
    expect(lasting(await rowsOf(id))).toEqual({
      ...lasting(before),
      audit_log: (before['audit_log'] ?? 0) + 2,
      erasures: 1,
    });

    const done = await erased(api, id, { subject: { path: PATH, value: taxCode } });
    // What waits is cancelled first, which is one more event of its job. A batch goes with the last of its jobs.
    const events = (dry.counts['distribution_job_events'] ?? 0) + 1;
    expect(done.counts).toEqual({ ...dry.counts, distribution_job_events: events, distribution_batches: 1 });
    expect(done.counts).toMatchObject({
      distribution_jobs: jobs - 1,
      idempotency_keys: 1,
      distribution_keys: jobs - 1,
    });
    const metadata = { path: PATH.replace('payload', 'metadata'), value: taxCode };
    expect((await erased(api, id, { subject: metadata })).counts['distribution_jobs']).toBe(1);

    await searchTables((sql) => world.rows(sql), canaries);
    expect([...canaries.found]).toEqual([]);
    expect([await rowsOf(bystander.id), await rowsOf('subject-twin')]).toEqual(others);
    expect((await api.status(kept)).body.status).toBe('completed');
    expect(await world.count('FROM distribution_attempts WHERE tenant_id = $1', [id])).toBe(1);
    must(
      await api
        .accepted({ payload: {}, destinations: [], options: { idempotency_key: 'a key' } })
        .then((again) => api.status(again)),
      200,
    );
  });

  it('brings a batch of others to its end, and lets go what waited behind it in order', async () => {
    const { id, api } = await world.tenant('batches');
    await api.register('there', { endpoint: world.receiver.on('/batches', () => ({ status: 200 })) });
    const options = { deliver_at: new Date(Date.now() + 3_600_000).toISOString(), ordering_key: 'k' };
    const job = { data_type: 'report', destinations: ['there'] };
    const jobs = [
      { ...job, payload: { who: 'anna' }, options },
      { ...job, payload: { who: 'carla' } },
    ];
    const callback_url = world.receiver.on('/batches/callback', refuse(400));
    const { batch_id } = must(await api.bulk(jobs, { callback_url }), 202).body;
    const behind = await api.accepted({ ...job, payload: { who: 'bruno' }, options: { ordering_key: 'k' } });
    const anna = await erased(api, id, { subject: { path: 'payload.who', value: 'anna' } });
    expect(anna.counts).toEqual({
      distribution_jobs: 1,
      distribution_attempts: 1,
      distribution_job_events: 1,
      distribution_keys: 1,
      ready_attempts: 1,
    });
    await eventually({ until: 'the end of the batch' }, async () => {
      expect((await api.batch(batch_id)).body).toMatchObject({ status: 'completed' });
    });
    await ended(api, behind);
    expect((await api.status(behind)).body.status).toBe('completed');
    await world.receiver.received(1, '/batches/callback');

    const carla = await erased(api, id, { subject: { path: 'payload.who', value: 'carla' } });
    expect(carla.counts).toMatchObject({ distribution_batches: 1, distribution_callbacks: 1 });
    must(await api.batch(batch_id), 404);
    expect(await world.count('FROM distribution_callbacks WHERE tenant_id = $1', [id])).toBe(0);
  });

  it('reaches what is left of jobs that have left the history, whoever they were about', async () => {
    const { id, api } = await world.tenant('past');
    await api.register('bad', { endpoint: world.receiver.on('/past', refuse(422)) });
    const job = { data_type: 'report', payload: { who: 'anna' }, destinations: ['bad'] };
    const callback_url = world.receiver.on('/past/callback', refuse(400));
    const { batch_id } = must(await api.bulk([{ ...job, callback_url }], { callback_url }), 202).body;
    await world.receiver.received(2, '/past/callback');
    const kept = await api.accepted(job);
    await ended(api, kept);
    const told = `FROM distribution_callbacks WHERE tenant_id = $1 AND status = 'failed'`;
    await eventually({ until: 'both callbacks to be over' }, async () =>
      expect(await world.count(told, [id])).toBe(2),
    );
    // As when its month was dropped.
    await world.rows(
      `WITH keys AS (
         DELETE FROM distribution_keys k USING distribution_jobs j
         WHERE j.batch_id = $1 AND k.distribution_job_id = j.id
       )
       DELETE FROM distribution_jobs WHERE batch_id = $1`,
      [batch_id],
    );
    const bruno = { subject: { path: 'payload.who', value: 'bruno' } };
    const past = { dead_letters: 1, distribution_callbacks: 2, distribution_batches: 1 };
    expect((await erased(api, id, { ...bruno, dry_run: true })).counts).toEqual(past);
    expect((await erased(api, id, bruno)).counts).toEqual(past);
    const left = pick(await rowsOf(id), Object.keys(past));
    expect(left).toEqual({ dead_letters: 1, distribution_callbacks: 0, distribution_batches: 0 });
    must(await api.status(kept), 200);
  });

  it('waits for what is being sent, and plans no further attempt of it', async () => {
    const { id, api } = await world.tenant('in-flight');
    const { behaviour, release } = hang();
    await api.register('slow', {
      endpoint: world.receiver.on('/slow', (receipt, nth) =>
        Promise.resolve(behaviour(receipt, nth)).then(() => ({ status: 503 })),
      ),
    });
    await api.accepted({ payload: { who: 'anna' }, destinations: ['slow'] });
    await world.receiver.received(1, '/slow');
    const begun = must(await erase(api, id, { subject: { path: 'payload.who', value: 'anna' } }), 202).body;
    expect(begun).toMatchObject({ status: 'running', waiting: 1, counts: {} });
    const second = await erase(api, id, { subject: { path: 'payload.who', value: 'bruno' } });
    expect(must(second, 409).body['message']).toContain(begun.erasure_id);
    release();
    const { counts, waiting } = await completed(api, id, begun);
    expect({ waiting, jobs: counts['distribution_jobs'] }).toEqual({ waiting: 0, jobs: 1 });
    expect(world.receiver.at('/slow')).toHaveLength(1);
    expect(await world.count('FROM dead_letters WHERE tenant_id = $1', [id])).toBe(0);
  });

  it('goes on after its process was killed, and erases every job once', async () => {
    const { id, api } = await world.tenant('killed');
    const job = { data_type: 'report', payload: { who: 'anna' }, destinations: [] };
    const jobs = Array.from({ length: 1000 }, () => job);
    must(await api.bulk(jobs), 202);
    must(await api.bulk(jobs), 202);
    const last = await lockLastJob(id);
    const begun = must(await erase(api, id, { subject: { path: 'payload.who', value: 'anna' } }), 202).body;
    await eventually({ until: 'the last step to wait' }, async () => {
      expect(await world.count('FROM erasures WHERE id = $1 AND examined = 1800', [begun.erasure_id])).toBe(
        1,
      );
    });
    await world.service.kill();
    expect(await world.count('FROM distribution_jobs WHERE tenant_id = $1', [id])).toBe(200);
    await last.end();
    await world.service.start();
    const { examined, counts } = await completed(api, id, begun);
    expect({ examined, counts }).toEqual({
      examined: 2000,
      counts: { distribution_jobs: 2000, distribution_keys: 2000, distribution_batches: 2 },
    });
    expect(await world.count('FROM distribution_jobs WHERE tenant_id = $1', [id])).toBe(0);
  });

  it('passes over, and counts, what no key opens any more', async () => {
    const { id, api } = await world.tenant('lost-key');
    const options = { encryption_required: true };
    const kept = await api.accepted({ payload: { who: 'anna' }, destinations: [], options });
    await world.rows(
      `UPDATE distribution_jobs
       SET payload = jsonb_build_object('$sealed', regexp_replace(payload ->> '$sealed', '^v1[.]\\w+', 'v1.00000000'))
       WHERE tenant_id = $1`,
      [id],
    );
    await api.accepted({ payload: { who: 'anna' }, destinations: [], options });
    const subject = { path: 'payload.who', value: 'anna' };
    expect(await erased(api, id, { subject })).toMatchObject({
      examined: 2,
      unreadable: 1,
      counts: { distribution_jobs: 1 },
    });
    must(await api.status(kept), 200);
    const exported = await api.get(`/api/v1/tenants/${id}/export`);
    expect(exported.body['text']).toContain('"payload": null');
  });

  it('stands in the audit log without the value', async () => {
    const { id, api } = await world.tenant('audited');
    await erased(api, id, { subject: { path: 'payload.who', value: 'anna-of-the-audit' } });
    const { body } = await api.get<{ entries: (Reply & { details: JsonObject })[] }>(
      '/api/v1/audit-log?resource_type=tenant',
    );
    const [done, asked] = body.entries;
    expect([asked?.['action'], done?.['action']]).toEqual(['erase', 'erased']);
    expect(asked?.details['subject']).toEqual({
      path: 'payload.who',
      value_hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(done?.details).toMatchObject({ counts: {}, examined: 0, subject: asked?.details['subject'] });
    expect(JSON.stringify(body)).not.toContain('anna-of-the-audit');
  });

  it.each([
    ['a path that is none', { subject: { path: 'data.who', value: 'x' } }, 'subject.path'],
    ['an empty value', { subject: { path: 'payload.who', value: '' } }, 'subject.value'],
    [
      'a value that is neither text nor whole number',
      { subject: { path: 'payload.who', value: 1.5 } },
      'subject.value',
    ],
    ['a field that nobody knows', { subjects: [] }, 'subjects'],
  ])('refuses %s', async (_what, body, field) => {
    const { body: error } = must(await erase(bystander.api, bystander.id, body), 400);
    expect(JSON.stringify(error['details'])).toContain(field);
  });
});

describe('the erasure of a tenant', () => {
  it('is for the platform alone, of a tenant that is not active, and confirmed by its id', async () => {
    const { id, api } = await world.tenant('guarded');
    must(await erase(api, id, { confirm: id }), 403);
    must(await erase(api, id, { dry_run: true }), 403);
    expect(must(await erase(platform, id, {}), 400).body['message']).toContain('confirm');
    expect(must(await erase(platform, id, { confirm: id }), 409).body['message']).toContain('suspend');
    must(await erase(platform, 'nobody-at-all', { confirm: 'nobody-at-all' }), 404);
    must(await platform.get('/api/v1/tenants/nobody-at-all/erasures'), 404);
    expect(must(await platform.get(`/api/v1/tenants/${id}/erasures`), 200).body).toEqual({ erasures: [] });
    must(await erase(bystander.api, id, { subject: { path: 'payload.who', value: 'x' } }), 403);
    must(await api.get('/api/v1/distribution/list'), 200);
  });

  it('leaves a row without content, the erasure and the audit log, whose chain is intact', async () => {
    const canaries = new Canaries();
    const taxCode = canaries.plant('tax code');
    const tenant = await world.tenant('leaving');
    const { id, api } = tenant;
    const jobs = await furnish(tenant, taxCode);
    const user = { username: 'anna', password: 'a long password', role: 'viewer' };
    must(await api.json('POST', '/api/v1/users', user), 201);
    must(await api.json('POST', '/api/v1/data-types', { id: 'person', name: 'person' }), 201);
    const transform = { name: 't', engine: 'field_mapping', spec: { a: 'b' } };
    must(await api.json('POST', '/api/v1/transforms', transform), 201);
    const rule = { name: 'r', rule_type: 'routing', actions: { destinations: ['good'] }, enabled: false };
    must(await api.json('POST', '/api/v1/rules', rule), 201);
    const others = await rowsOf(bystander.id);

    const dry = await erased(platform, id, { dry_run: true });
    expect(dry.counts).toMatchObject({
      distribution_jobs: jobs,
      users: 1,
      transforms: 1,
      destinations: 2,
      distribution_batches: 1,
    });
    must(await platform.json('PATCH', `/api/v1/tenants/${id}`, { status: 'suspended' }), 200);
    const begun = must(await erase(platform, id, { confirm: id }), 202).body;
    must(await platform.json('PATCH', `/api/v1/tenants/${id}`, { status: 'active' }), 409);
    const done = await completed(platform, id, begun);
    expect(done.counts).toMatchObject(
      pick(dry.counts, ['distribution_jobs', 'users', 'transforms', 'destinations', 'signing_secrets']),
    );

    const left = Object.entries(await rowsOf(id)).filter(([, count]) => count > 0);
    expect(left.map(([name]) => name).sort()).toEqual(
      TABLES_KEPT.filter((name) => name !== 'tenants').toSorted(),
    );
    const row = {
      id,
      name: 'erased',
      status: 'inactive',
      description: null,
      erased_at: expect.any(String) as string,
    };
    expect(must(await platform.get(`/api/v1/tenants/${id}`), 200).body).toMatchObject(row);
    await searchTables((sql) => world.rows(sql), canaries);
    expect([...canaries.found]).toEqual([]);
    expect(await rowsOf(bystander.id)).toEqual(others);

    must(await api.get('/api/v1/distribution/list'), 401);
    must(await platform.json('POST', '/api/v1/tenants', { id, name: 'again' }), 409);
    must(await platform.json('PATCH', `/api/v1/tenants/${id}`, { status: 'active' }), 409);
    must(await erase(platform, id, { confirm: id }), 409);
    const named = new Api(world.service.url, world.service.adminKey, { 'x-tenant-id': id });
    await eventually({ until: 'every cache to know' }, async () =>
      must(await named.get('/api/v1/rules'), 404),
    );
    const verified = await runCommand('verify-audit', [], { DATABASE_URL: world.database.url });
    expect(verified).toMatchObject({ code: 0 });
    expect(JSON.stringify(verified)).toContain('leaving');
  });
});

const pick = (counts: Record<string, number>, names: string[]): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([name]) => names.includes(name)));
