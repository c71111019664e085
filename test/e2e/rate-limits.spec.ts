import { Api, ALL_TENANT_SCOPES, must } from '../support/api';
import { TestService } from '../support/service';
import { World } from '../support/world';

const LIMITS = { rate_limit_requests: 6, rate_limit_window_seconds: 3600, burst_limit: 3 };

let world: World;
let second: TestService;

beforeAll(async () => {
  world = await World.create();
  // The same database and encryption key, as a second process of one installation.
  second = await TestService.start({
    databaseUrl: world.database.url,
    dataDir: world.service.dataDir,
    env: { ROLE: 'api' },
  });
});

afterAll(async () => {
  await second.dispose();
  await world.dispose();
});

async function limited(id: string, limits: object = LIMITS): Promise<{ one: Api; other: Api }> {
  const admin = new Api(world.service.url, world.service.adminKey);
  must(await admin.json('POST', '/api/v1/tenants', { id, name: id, ...limits }), 201);
  const own = new Api(world.service.url, world.service.adminKey, { 'x-tenant-id': id });
  const { key } = await own.createKey('tests', ALL_TENANT_SCOPES);
  return { one: new Api(world.service.url, String(key)), other: new Api(second.url, String(key)) };
}

const JOB = { data_type: 'report', payload: { a: 1 } };
const submit = (api: Api) => api.json('POST', '/api/v1/distribution/submit', JOB);
const bulk = (api: Api, jobs: number) =>
  api.json('POST', '/api/v1/distribution/bulk-submit', {
    distributions: Array.from({ length: jobs }, () => JOB),
  });

describe('the limit of a tenant', () => {
  it('is shared by two processes, and said in headers and status', async () => {
    const { one, other } = await limited('shared');
    const first = must(await submit(one), 202);
    expect(first.headers.get('x-ratelimit-limit')).toBe('6');
    expect(first.headers.get('x-ratelimit-remaining')).toBe('2');
    expect(Number(first.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000);
    const status = await one.json(
      'GET',
      `/api/v1/distribution/${String(first.body['distribution_id'])}/status`,
      undefined,
    );
    expect(status.body['metadata']).toMatchObject({ rate_limit_remaining: 2 });
    must(await submit(other), 202);
    must(await submit(one), 202);
    for (const api of [one, other]) {
      const refused = must(await submit(api), 429);
      expect(refused.body).toMatchObject({ error: 'RATE_LIMIT_EXCEEDED' });
      expect(refused.body['retry_after_seconds']).toBeGreaterThan(500);
      expect(refused.headers.get('retry-after')).toBe(String(refused.body['retry_after_seconds']));
      expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
    }
    must(await one.json('GET', '/api/v1/distribution/list', undefined), 200);
  });

  it('counts the items of a batch, takes it whole or not at all, and names the size that can never pass', async () => {
    const { one } = await limited('batches');
    const never = must(await bulk(one, 7), 400);
    expect(never.body['details']).toMatchObject({
      field: 'distributions',
      issue: expect.stringMatching(/at most 6/) as string,
    });
    must(await bulk(one, 2), 202);
    must(await bulk(one, 2), 429);
    must(await submit(one), 202);
    must(await submit(one), 429);
    const stored = await world.count(`FROM distribution_jobs WHERE tenant_id = 'batches'`);
    expect(stored).toBe(3);
  });

  it('does not hide that the tenant is suspended; what it submitted can still be read', async () => {
    const { one } = await limited('suspended');
    const { body } = must(await submit(one), 202);
    const admin = new Api(world.service.url, world.service.adminKey);
    must(await admin.json('PATCH', '/api/v1/tenants/suspended', { status: 'suspended' }), 200);
    must(await submit(one), 403);
    must(
      await one.json('GET', `/api/v1/distribution/${String(body['distribution_id'])}/status`, undefined),
      200,
    );
  });
});

describe('the limit of a key', () => {
  it('counts requests that are no reads', async () => {
    const id = 'keyed';
    await limited(id, {});
    const own = new Api(world.service.url, world.service.adminKey, { 'x-tenant-id': id });
    const made = await own.json('POST', '/api/v1/api-keys', {
      name: 'two',
      scopes: ALL_TENANT_SCOPES,
      rate_limit_requests: 2,
    });
    const api = new Api(world.service.url, String(must(made, 201).body['key']));
    must(await submit(api), 202);
    must(await bulk(api, 5), 202);
    const refused = must(await submit(api), 429);
    expect(refused.headers.get('x-ratelimit-limit')).toBe('2');
    must(await api.json('GET', '/api/v1/distribution/list', undefined), 200);
  });
});
