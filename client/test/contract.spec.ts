import Ajv, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PASSWORD } from '../../test/support/person';
import { World } from '../../test/support/world';
import { hang, refuse } from '../../test/support/receiver';
import { type OpenApi, type Schema } from '../generate';
import { DistributorClient, verifyCallback } from '../src/index';

interface Published {
  method: string;
  /** As published, and what it matches. */
  path: string;
  pattern: RegExp;
  status: number;
  name: string;
  validate: ValidateFunction;
}

type Responses = Record<string, { content?: Record<string, { schema: Schema }> }>;

const contract = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'docs', 'openapi.json'), 'utf8'),
) as OpenApi;

/** Readers ignore unknown fields; here an unknown field is one that the contract has forgotten. */
function closed(schema: Schema): Schema {
  const of = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(of)
      : typeof value === 'object' && value !== null
        ? closed(value)
        : value;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, of(value)])) as Schema;
  const isOpen = inner.additionalProperties !== undefined || typeof inner.properties !== 'object';
  return isOpen ? inner : { ...inner, additionalProperties: false };
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema({ $id: 'contract', components: closed(contract.components as Schema) });
const validatorOf = (name: string): ValidateFunction => {
  const found = ajv.getSchema(`contract#/components/schemas/${name}`);
  if (found === undefined) throw new Error(`the contract has no ${name}`);
  return found;
};

/** Every operation whose answer has a published form. */
const operations: Published[] = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, operation]) => {
    const { responses } = operation as { responses: Responses };
    return Object.entries(responses).flatMap(([status, { content }]) => {
      const name = content?.['application/json']?.schema.$ref?.split('/').at(-1);
      if (!status.startsWith('2') || name === undefined) return [];
      const pattern = new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`);
      const validate = validatorOf(name);
      return [{ method: method.toUpperCase(), path, pattern, status: Number(status), name, validate }];
    });
  }),
);

const seen = new Set<Published>();

/** A fetch that holds every answer against the contract. */
const checked: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const path = new URL(input).pathname;
  const found = operations.find(
    ({ method, pattern, status }) =>
      method === init?.method && pattern.test(path) && status === response.status,
  );
  if (found !== undefined) {
    seen.add(found);
    const answer: unknown = await response.clone().json();
    if (!found.validate(answer)) {
      const what = `${found.method} ${path} is no ${found.name}`;
      throw new Error(`${what}: ${ajv.errorsText(found.validate.errors)}\n${JSON.stringify(answer)}`);
    }
  }
  return response;
};

describe('the published answers are the real ones', () => {
  let world: World;
  let client: DistributorClient;
  let secret: string;
  let apiKey: string;

  beforeAll(async () => {
    world = await World.create();
    const tenant = await world.tenant('contract');
    secret = tenant.signingSecret;
    apiKey = tenant.api.key;
    client = new DistributorClient({
      baseUrl: world.service.url,
      apiKey: tenant.api.key,
      fetch: checked,
      retry: { maxAttempts: 1 },
    });
    await client.destinations.register({
      name: 'archive',
      protocol: 'REST',
      configuration: { endpoint: `${world.receiver.url}/archive` },
      tags: ['long-term'],
    });
    await client.destinations.register({
      name: 'refuses',
      protocol: 'REST',
      configuration: { endpoint: world.receiver.on('/refuses', refuse(422)) },
    });
  });

  afterAll(() => world.dispose());

  it('of jobs: receipt, status, attempts, events, list', async () => {
    const submission = {
      distribution_id: 'both',
      data_type: 'report',
      payload: { total: 1 },
      metadata: { source: 'tests' },
      destinations: ['archive', 'refuses'],
      callback_url: `${world.receiver.url}/callback`,
    };
    await client.submit(submission);
    expect(await client.submit(submission)).toMatchObject({ idempotent_replay: true });
    expect((await client.waitFor('both')).status).toBe('failed');
    expect(await client.attempts('both')).toHaveLength(2);
    expect((await client.events('both')).at(-1)?.to_status).toBe('failed');
    expect((await client.listPage({ limit: 1 })).distributions).toHaveLength(1);
  });

  it('of callbacks', async () => {
    const { distribution_id: id } = await client.submit({
      data_type: 'report',
      payload: {},
      destinations: ['archive'],
      callback_url: `${world.receiver.url}/told`,
      options: { callback_events: ['attempt.succeeded'] },
    });
    const { batch_id: batch } = await client.submitMany(
      [{ data_type: 'report', payload: {}, destinations: ['archive'] }],
      { callbackUrl: `${world.receiver.url}/told` },
    );
    const told = await world.receiver.received(3, '/told');
    const callbacks = told.map(({ headers, body }) => verifyCallback(headers, body, secret));
    expect(callbacks.map(({ event_type }) => event_type).sort()).toEqual([
      'attempt.succeeded',
      'batch.completed',
      'distribution.completed',
    ]);
    for (const callback of callbacks) {
      const isOfBatch = callback.event_type === 'batch.completed';
      const validate = validatorOf(isOfBatch ? 'BatchCallback' : 'JobCallback');
      validate(callback);
      expect(validate.errors).toBeNull();
      expect(isOfBatch ? callback.batch_id : callback.distribution_id).toBe(isOfBatch ? batch : id);
    }
  });

  it('of batches, with a refused item', async () => {
    const batch = [
      { data_type: 'report', payload: {}, destinations: ['archive'], distribution_id: 'of-a-batch' },
      { data_type: 'report', payload: {}, destinations: ['nowhere'] },
    ];
    const receipt = await client.submitMany(batch);
    expect(await client.submitMany(batch)).toMatchObject({ batch_id: receipt.batch_id });
    expect(receipt.rejected).toMatchObject([{ index: 1, error: 'VALIDATION_ERROR' }]);
    expect(await client.waitForBatch(receipt.batch_id)).toMatchObject({ completed_distributions: 1 });
  });

  it('of a cancellation, while a delivery is in flight', async () => {
    const { behaviour, release } = hang();
    const endpoint = world.receiver.on('/hangs', behaviour);
    await client.destinations.register({ name: 'hangs', protocol: 'REST', configuration: { endpoint } });
    const { distribution_id: id } = await client.submit({
      data_type: 'report',
      payload: {},
      destinations: ['hangs'],
    });
    await world.receiver.received(1, '/hangs');
    expect((await client.status(id)).status).toBe('processing');
    expect(await client.cancel(id)).toMatchObject({ in_flight_destinations: 1 });
    release();
    expect((await client.waitFor(id)).status).toBe('cancelled');
  });

  it('of replays, of one job and of many', async () => {
    await client.submit({
      distribution_id: 'again',
      data_type: 'bill',
      payload: {},
      destinations: ['refuses'],
    });
    await client.waitFor('again');
    const replay = await client.replay('again', { reason: 'test' });
    expect(replay.destinations).toMatchObject([{ name: 'refuses', outcome: 'replayed' }]);
    await client.waitFor('again');
    const filter = { data_type: 'bill' };
    expect(await client.countReplay({ filter })).toMatchObject({ matched: 1 });
    const { operation_id: operation } = await client.replayMany({ filter });
    expect(await client.operation(operation)).toMatchObject({ kind: 'replay', done: 1 });
  });

  it('of destinations', async () => {
    const { destinations } = client;
    const configuration = {
      endpoint: `${world.receiver.url}/tried`,
      auth: { type: 'bearer', token: 'hidden' },
    };
    const { destination_id: id } = await destinations.register({
      name: 'tried',
      protocol: 'REST',
      configuration,
    });
    expect((await destinations.list()).map(({ name }) => name)).toContain('tried');
    expect(JSON.stringify(await destinations.get(id))).not.toContain('hidden');
    expect(await destinations.update('tried', { tags: ['x'] })).toMatchObject({ tags: ['x'], version: 2 });
    await destinations.replace('tried', { name: 'tried', protocol: 'REST', configuration });
    expect(await destinations.test('tried')).toMatchObject({ sent: false });
    expect(await destinations.test('tried', { send: true })).toMatchObject({ outcome: 'delivered' });
    expect(await destinations.resetBreaker('tried')).toMatchObject({ breaker: { state: 'closed' } });
    expect(await destinations.health('tried', { limit: 5 })).toMatchObject({ name: 'tried' });
    await destinations.remove('tried');
    await expect(destinations.get('tried')).rejects.toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });

  it('of rules', async () => {
    const { rules } = client;
    const input = {
      name: 'bills go to the archive',
      rule_type: 'routing',
      conditions: { data_type: ['invoice'] },
      actions: { destinations: ['archive'], mode: 'add' },
    } as const;
    const { rule_id: id } = await rules.create(input);
    expect(await rules.list({ rule_type: 'routing' })).toHaveLength(1);
    expect(await rules.replace(id, { ...input, priority: 5 })).toMatchObject({ priority: 5 });
    await rules.update(id, { description: 'since today' });
    await rules.disable(id);
    expect(await rules.enable(id)).toMatchObject({ enabled: true, description: 'since today' });
    expect(await rules.get(id)).toMatchObject({ name: input.name });
    expect(await rules.match({ pattern: { a: [1] }, event: { a: 2 } })).toMatchObject({ matched: false });
    const explained = await rules.explain({ data_type: 'invoice', payload: { total: 1 } });
    expect(explained.destinations).toMatchObject([{ name: 'archive', because: [{ effect: 'added' }] }]);
    const { distribution_id: routed } = await client.submit({ data_type: 'invoice', payload: {} });
    expect((await client.waitFor(routed)).reasons).toMatchObject([{ rule_id: id }]);
    await rules.remove(id);
  });

  it('of transforms', async () => {
    const { transforms } = client;
    const input = { name: 'total', engine: 'jsonata', spec: '{"sum": total}' } as const;
    const { id } = await transforms.create(input);
    expect(await transforms.list()).toHaveLength(1);
    expect(await transforms.get('total')).toMatchObject({ id });
    await transforms.replace(id, { ...input, output_format: 'xml' });
    await transforms.update(id, { output_format: 'json' });
    const preview = await transforms.preview({ transform: 'total', input: { total: 3 } });
    expect(JSON.parse(preview.output)).toEqual({ sum: 3 });
    await transforms.remove(id);
  });

  it('of figures, of the audit log and of who asks', async () => {
    expect(await client.identity()).toMatchObject({ tenant_id: 'contract', user: null });
    const summary = await client.statistics.summary();
    expect(summary.queue).toMatchObject({ in_flight: 0 });
    const hours = await client.statistics.byHour(3);
    expect(hours).toHaveLength(3);
    expect(hours.at(-1)?.failed).toBeGreaterThan(0);
    expect((await client.auditPage({ limit: 1 })).entries).toHaveLength(1);
    expect((await client.destinations.types()).map(({ protocol }) => protocol)).toContain('REST');
  });

  it('of dead letters and callbacks', async () => {
    const { distribution_id: id } = await client.submit({
      data_type: 'lost',
      payload: { total: 1 },
      destinations: ['refuses'],
      callback_url: `${world.receiver.url}/lost`,
    });
    await client.waitFor(id);
    await world.receiver.received(1, '/lost');
    expect(await client.callbacks(id)).toHaveLength(1);
    const [letter] = (await client.deadLetters.listPage({ data_type: 'lost' })).dead_letters;
    const ids = [letter?.dead_letter_id ?? ''];
    expect(await client.deadLetters.get(ids[0] ?? '')).toMatchObject({ payload: { total: 1 } });
    expect(await client.deadLetters.count({ ids })).toMatchObject({ matched: 1 });
    expect(await client.deadLetters.discard({ ids, reason: 'test' })).toMatchObject({ kind: 'discard' });
    expect(await client.deadLetters.redrive({ filter: { data_type: 'none' } })).toMatchObject({ done: 0 });
  });

  it('of sign-in, for which the client has no methods', async () => {
    const user = { username: 'anna', password: PASSWORD, role: 'viewer' };
    const asked = (path: string, headers: Record<string, string>, body?: object) =>
      checked(`${world.service.url}/api/v1/${path}`, {
        method: body === undefined && path !== 'auth/refresh' ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        ...(body && { body: JSON.stringify(body) }),
      });
    await asked('users', { 'x-api-key': apiKey }, user);
    const { username, password } = user;
    const signedIn = await asked('auth/login', {}, { tenant_id: 'contract', username, password });
    const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    expect((await asked('auth/refresh', { cookie })).status).toBe(200);
    expect(await (await asked('auth/oidc', {})).json()).toEqual({ configured: false });
  });

  it('of erasures and exports, for which the client has no methods', async () => {
    const asked = async (path: string, body?: object): Promise<string> => {
      const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
      const init = body && { body: JSON.stringify(body) };
      const url = `${world.service.url}/api/v1/tenants/contract/${path}`;
      const answer = await checked(url, { method: init ? 'POST' : 'GET', headers, ...init });
      return answer.text();
    };
    const subject = { path: 'payload.person', value: 'nobody' };
    const { erasure_id: id } = JSON.parse(await asked('erase', { subject })) as { erasure_id: string };
    expect(await asked(`erasures/${id}`)).toContain('"subject_path":"payload.person"');
    expect(await asked('erasures')).toContain(id);
    const validate = validatorOf('ExportLine');
    const lines = [await asked('export'), await asked('export', { subject })].join('').trim().split('\n');
    expect(lines.filter((line) => !validate(JSON.parse(line)))).toEqual([]);
    expect(lines.length).toBeGreaterThan(4);
  });

  it('leaves none out but what the client has no method for', () => {
    const unseen = operations.filter((one) => !seen.has(one)).map(({ method, path }) => `${method} ${path}`);
    expect(unseen).toEqual([
      'POST /api/v1/bulk-operations/{operation_id}/cancel',
      'POST /api/v1/destinations/test',
    ]);
  });
});
