import { gzipSync } from 'node:zlib';
import { type Answer, Api, must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type Case, expectRefusal, good, options } from '../support/refusal';
import { World } from '../support/world';

const SUBMIT = '/api/v1/distribution/submit';
const MAX_BYTES = 20_000;
const FORBIDDEN = /must not point to/;

let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  world = await World.create({ API_MAX_REQUEST_SIZE: String(MAX_BYTES) });
  tenant = await world.tenant('comune-torino');
  await world.tenant('other');
  await tenant.api.register('sink', { endpoint: `${world.receiver.url}/sink` });
});

afterAll(() => world.dispose());

const refused = (send: () => Promise<Answer<Reply>>, expected: Omit<Case, 'name' | 'body'>): Promise<void> =>
  expectRefusal(world, send, expected);

describe('a body that is not taken in', () => {
  const send = (body: string | Uint8Array, headers: Record<string, string>) => () =>
    tenant.api.send('POST', SUBMIT, body, headers);
  const json = { 'content-type': 'application/json' };
  const big = JSON.stringify(good({ payload: { text: 'x'.repeat(MAX_BYTES) } }));
  const tooLarge = { status: 413, error: 'PAYLOAD_TOO_LARGE' };

  it('is larger than allowed', () => refused(send(big, json), tooLarge));

  it('is larger than allowed once it is unzipped', () =>
    refused(send(gzipSync(big), { ...json, 'content-encoding': 'gzip' }), tooLarge));

  it('is larger than allowed as a batch of lines', () => {
    const lines = Array.from({ length: 300 }, () => JSON.stringify(good()) + ' '.repeat(100));
    return refused(() => tenant.api.ndjson(lines), tooLarge);
  });

  it('is no gzip although it says so', () =>
    refused(send('not gzip', { ...json, 'content-encoding': 'gzip' }), {}));

  it('is a batch of lines that is no gzip although it says so', () => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' };
    return refused(
      () => tenant.api.send('POST', '/api/v1/distribution/bulk-submit', 'not gzip', headers),
      {},
    );
  });

  it('is gzip that breaks off', () => {
    const half = gzipSync(JSON.stringify(good())).subarray(0, 30);
    return refused(send(half, { ...json, 'content-encoding': 'gzip' }), {});
  });

  it('is encoded in another way', () =>
    refused(send('x', { ...json, 'content-encoding': 'br' }), { field: 'content-encoding' }));

  it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data'])(
    'is of the type %s',
    (type) => refused(send(JSON.stringify(good()), { 'content-type': type }), { field: 'content-type' }),
  );

  it('is a batch of lines where one job is asked for', () =>
    refused(send(JSON.stringify(good()), { 'content-type': 'application/x-ndjson' }), {}));

  it('is not there', () => refused(() => tenant.api.send('POST', SUBMIT), { field: 'body' }));
});

describe('a caller who may not', () => {
  const unauthenticated = { status: 401, error: 'AUTHENTICATION_FAILED' };
  const forbidden = { status: 403, error: 'AUTHORIZATION_FAILED' };
  const as = (headers: Record<string, string>) => () =>
    new Api(world.service.url, '', headers).json('POST', SUBMIT, good());

  it.each([
    ['without a key', ''],
    ['with a key of the wrong form', 'secret'],
    ['with a key in capitals', 'ZK_0123456789ABCDEF0123456789ABCDEF'],
    ['with a key that nobody was given', 'zk_0123456789abcdef0123456789abcdef'],
    ['with a key that holds SQL', `zk_' OR 1=1 --`],
  ])('comes %s', (_name, key) => refused(as({ 'x-api-key': key }), unauthenticated));

  it('comes with a revoked key', async () => {
    const { id, key } = await tenant.api.createKey('short-lived', ['distribution:submit']);
    must(await as({ 'x-api-key': String(key) })(), 202);
    must(await tenant.api.send('DELETE', `/api/v1/api-keys/${String(id)}`), 200);
    await refused(as({ 'x-api-key': String(key) }), unauthenticated);
    await refused(as({ authorization: `Bearer ${String(key)}`, 'x-api-key': String(key) }), unauthenticated);
  });

  it('comes with an expired key', async () => {
    const past = { expires_at: '2020-01-01T00:00:00Z' };
    const { key } = await tenant.api.createKey('expired', ['distribution:submit'], past);
    await refused(as({ 'x-api-key': String(key) }), unauthenticated);
  });

  it('comes with a key without the scope', async () => {
    const { key } = await tenant.api.createKey('reader', ['distribution:read']);
    await refused(as({ 'x-api-key': String(key) }), forbidden);
    const reader = new Api(world.service.url, String(key));
    await refused(() => reader.createKeyAnswer('mine', ['tenant:admin']), forbidden);
    await refused(() => reader.cancel('any'), forbidden);
  });

  it('gives a key the scope of the platform', () =>
    refused(() => tenant.api.createKeyAnswer('root', ['platform:admin']), { field: 'scopes' }));

  it.each([
    ['more requests than can be counted', { rate_limit_requests: 3_000_000_000 }, 'rate_limit_requests'],
    ['one scope again and again', { scopes: Array<string>(8).fill('distribution:read') }, 'scopes'],
    ['an end on no day', { expires_at: '2030-02-30T00:00:00Z' }, 'expires_at'],
  ])('gives a key %s', (_name, more, field) => {
    const key = { name: 'odd', scopes: ['distribution:read'], ...more };
    return refused(() => tenant.api.json('POST', '/api/v1/api-keys', key), { field });
  });

  it('asks for the affairs of the platform', () =>
    refused(() => tenant.api.json('POST', '/api/v1/tenants', { id: 'mine', name: 'Mine' }), forbidden));

  it.each([
    ['weight', 0],
    ['weight', 'heavy'],
    ['dead_letter_retention_days', 1.5],
  ])('gives a tenant the %s %p', (name, value) => {
    const root = new Api(world.service.url, world.service.adminKey);
    const config = { [name]: value };
    const body = { id: 'odd', name: 'Odd', config };
    return refused(() => root.json('POST', '/api/v1/tenants', body), { field: `config.${name}` });
  });

  it('gives a tenant outcome events that do not exist', async () => {
    const root = new Api(world.service.url, world.service.adminKey);
    const body = { id: 'odd', name: 'Odd', config: { outcome_events: ['attempt.failed'] } };
    await refused(() => root.json('POST', '/api/v1/tenants', body), { field: 'config.outcome_events[0]' });
  });

  it('gives a tenant outcome events where the service has no broker', async () => {
    const root = new Api(world.service.url, world.service.adminKey);
    const config = { outcome_events: ['distribution.failed'] };
    const field = 'config.outcome_events';
    await refused(() => root.json('POST', '/api/v1/tenants', { id: 'odd', name: 'Odd', config }), { field });
    await refused(() => root.json('PATCH', `/api/v1/tenants/${tenant.id}`, { config }), { field });
  });

  it.each([
    ['in the body', good({ tenant_id: 'other' }), {}, 'tenant_id'],
    ['in the header', good(), { 'x-tenant-id': 'other' }, 'X-Tenant-ID'],
  ])('names another tenant %s', (_name, body, headers, field) =>
    refused(() => tenant.api.json('POST', SUBMIT, body, headers), { ...forbidden, field }),
  );

  it('names another tenant in a query', () =>
    refused(() => tenant.api.list('?tenant_id=other'), { ...forbidden, field: 'tenant_id' }));

  it('names another tenant in a batch', async () => {
    const body = { tenant_id: 'other', distributions: [good()] };
    const expected = { ...forbidden, field: 'tenant_id' };
    await refused(() => tenant.api.json('POST', '/api/v1/distribution/bulk-submit', body), expected);
    await refused(() => tenant.api.ndjson([good()] as Reply[], '?tenant_id=other'), expected);
  });

  it('is the platform and names no tenant, or one that does not exist', async () => {
    const platform = new Api(world.service.url, world.service.adminKey);
    const field = 'X-Tenant-ID';
    await refused(() => platform.json('POST', SUBMIT, good()), { field });
    await refused(() => platform.json('POST', SUBMIT, good(), { 'x-tenant-id': 'not a tenant' }), {
      field,
    });
    const ghost = { 'x-tenant-id': 'ghost' };
    await refused(() => platform.json('POST', SUBMIT, good(), ghost), {
      status: 404,
      error: 'NOT_FOUND',
    });
    const key = { name: 'k', scopes: ['distribution:read'] };
    await refused(() => platform.json('POST', '/api/v1/api-keys', key, ghost), {
      status: 404,
      error: 'NOT_FOUND',
    });
  });
});

describe('a name that was used before', () => {
  const conflict = { status: 409, error: 'CONFLICT' };

  it('is refused with another body', async () => {
    const first = { ...good({ distribution_id: 'taken' }), destinations: ['sink'] };
    must(await tenant.api.json('POST', SUBMIT, first), 202);
    const other = { ...first, payload: { a: 2 } };
    await refused(() => tenant.api.json('POST', SUBMIT, other), {
      ...conflict,
      field: 'distribution_id',
    });
  });

  it('is refused with another body under an idempotency key, wherever the key stands', async () => {
    const key = { 'idempotency-key': 'taken-key' };
    must(await tenant.api.json('POST', SUBMIT, good(), key), 202);
    const field = 'options.idempotency_key';
    const other = good({ payload: { a: 2 } });
    await refused(() => tenant.api.json('POST', SUBMIT, other, key), { ...conflict, field });
    const inBody = good({ payload: { a: 2 }, options: { idempotency_key: 'taken-key' } });
    await refused(() => tenant.api.json('POST', SUBMIT, inBody), { ...conflict, field });
  });

  it('leaves no idempotency key behind when only the name was taken', async () => {
    must(await tenant.api.json('POST', SUBMIT, good({ distribution_id: 'named' })), 202);
    const other = good({ distribution_id: 'named', payload: { a: 2 }, options: { idempotency_key: 'free' } });
    await refused(() => tenant.api.json('POST', SUBMIT, other), conflict);
    must(await tenant.api.json('POST', SUBMIT, options({ idempotency_key: 'free' })), 202);
  });
});

describe('a batch', () => {
  const bulk = '/api/v1/distribution/bulk-submit';

  it('of nothing is refused', async () => {
    await refused(() => tenant.api.json('POST', bulk, { distributions: [] }), {
      field: 'distributions',
    });
    await refused(() => tenant.api.ndjson(['', '  ']), { field: 'distributions' });
  });

  it('of more than a thousand is refused', () =>
    refused(() => tenant.api.ndjson(Array<string>(1001).fill('{}')), { field: 'distributions' }));

  it('accepts what is right and says of each other one what is wrong with it', async () => {
    const lines = [
      JSON.stringify(good({ distribution_id: 'in-batch' })),
      '{"data_type":',
      JSON.stringify(good({ tenant_id: 'other' })),
      JSON.stringify(good({ destinations: ['nowhere'] })),
      JSON.stringify(good({ distribution_id: 'in-batch', payload: { a: 2 } })),
    ];
    const { body } = must(await tenant.api.ndjson(lines), 202);
    expect(body).toMatchObject({
      total_distributions: 5,
      accepted_distributions: 1,
      distribution_ids: ['in-batch'],
    });
    expect(body.rejected.map(({ index, error, details }) => [index, error, details[0]?.field])).toEqual([
      [1, 'VALIDATION_ERROR', 'body'],
      [2, 'AUTHORIZATION_FAILED', 'tenant_id'],
      [3, 'VALIDATION_ERROR', 'destinations[0]'],
      [4, 'CONFLICT', 'distribution_id'],
    ]);
  });

  it('is all or nothing when it asks for that', async () => {
    const lines = [good({ distribution_id: 'all-1' }), good({ payload: 7 })] as Reply[];
    await refused(() => tenant.api.bulk(lines, { fail_fast: true }), {
      field: 'distributions[1].payload',
    });
    await refused(() => tenant.api.ndjson(lines, '?fail_fast=true'), {
      field: 'distributions[1].payload',
    });
    must(await tenant.api.json('POST', SUBMIT, good({ distribution_id: 'all-2' })), 202);
    const taken = [good({ distribution_id: 'all-1' }), good({ distribution_id: 'all-2', payload: { a: 2 } })];
    await refused(() => tenant.api.bulk(taken as Reply[], { fail_fast: true }), {
      status: 409,
      error: 'CONFLICT',
      field: 'distributions[1].distribution_id',
    });
  });

  it.each([
    ['a fail_fast that is neither true nor false', 'fail_fast=yes', 'fail_fast'],
    ['fail_fast twice', 'fail_fast=true&fail_fast=false', 'fail_fast'],
    ['an unknown name', 'failfast=true', 'failfast'],
    ['a callback_url without an end', `callback_url=https://a.org/${'x'.repeat(2048)}`, 'callback_url'],
  ])('of lines is refused with %s in its query', (_name, query, field) =>
    refused(() => tenant.api.ndjson([good()] as Reply[], `?${query}`), { field }),
  );

  it('sends its callback nowhere but to an address that is allowed', async () => {
    const body = { distributions: [good()], options: { callback_url: 'http://10.0.0.1/' } };
    await refused(() => tenant.api.json('POST', bulk, body), {
      field: 'options.callback_url',
      issue: FORBIDDEN,
    });
    await refused(() => tenant.api.ndjson([good()] as Reply[], '?callback_url=http://10.0.0.1/'), {
      issue: FORBIDDEN,
    });
  });
});

describe('a question that makes no sense', () => {
  const path = '/api/v1/distribution';

  it.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=many', 'limit'],
    ['offset=-1', 'offset'],
    ['status=done', 'status'],
    ['from_date=yesterday', 'from_date'],
    ['cursor=abc', 'cursor'],
    ['colour=red', 'colour'],
    ['q=%00', 'q'],
    ['data_type=%00', 'data_type'],
    ['destination=%00', 'destination'],
  ])('about a list: %s', (query, field) => refused(() => tenant.api.list(`?${query}`), { field }));

  it.each([
    `${path}/none/status`,
    `${path}/a%00b/status`,
    `${path}/a%00b/attempts`,
    `${path}/a%00b/events`,
    `${path}/${'x'.repeat(300)}/status`,
    `${path}/batch/none/status`,
    `${path}/batch/01890000-0000-7000-8000-000000000000/status`,
    '/api/v1/destinations/none',
    '/api/v1/destinations/a%00b',
    '/api/v1/no-such-endpoint',
  ])('about something that is not there: %s', (url) =>
    refused(() => tenant.api.get(url), { status: 404, error: 'NOT_FOUND' }),
  );

  it('with a year that no calendar has is answered', async () => {
    must(await tenant.api.list('?from_date=0000-01-01T00:00:00Z'), 200);
    must(await tenant.api.list('?to_date=9999-12-31T23:59:59Z'), 200);
  });

  it('in a path that cannot be decoded', () => refused(() => tenant.api.get(`${path}/%E0%A4%A/status`), {}));
});

describe('what is unusual and right', () => {
  it('is accepted: the smallest ttl, the earliest time, an expiry in the next moment', async () => {
    const submissions = [
      options({ ttl_seconds: 0.0000001 }),
      options({ deliver_at: '0000-01-01T00:00:00Z' }),
      options({ expires_at: new Date(Date.now() + 2).toISOString() }),
    ];
    const answers = await Promise.all(submissions.map((body) => tenant.api.json('POST', SUBMIT, body)));
    // The last one may have come too late, which is the submitter's matter.
    expect(answers.map(({ status }) => status)).toEqual([202, 202, answers[2]?.status === 400 ? 400 : 202]);
  });

  it('is delivered as it came: quotes, backslashes, every plane of Unicode, large numbers', async () => {
    const payload = {
      "'; DROP TABLE x; --": '\\"\u2028 \u{1F69A} \uFFFF',
      n: Number.MAX_SAFE_INTEGER,
      e: 1e300,
    };
    const id = await tenant.api.accepted({ payload, destinations: ['sink'] });
    const receipt = await eventually({ until: 'its delivery' }, () => {
      const found = world.receiver.at('/sink').find(({ distributionId }) => distributionId === id);
      if (found === undefined) throw new Error('not received yet');
      return found;
    });
    expect(JSON.parse(receipt.body.toString())).toEqual(payload);
  });

  it('comes gzipped', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    must(await tenant.api.send('POST', SUBMIT, gzipSync(JSON.stringify(good())), headers), 202);
  });
});
