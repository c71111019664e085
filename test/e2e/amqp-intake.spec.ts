import { gzipSync } from 'node:zlib';
import { type GetMessage, type Options } from 'amqplib';
import { type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { OwnBroker, Publisher } from '../support/own-broker';
import { UNLIMITED } from '../support/service';
import { World } from '../support/world';

const USERS = { AMQP_USER_TENANTS: 'guest=bound' };

let broker: OwnBroker;
let world: World;
let publisher: Publisher;
let roma: TestTenant;
let milano: TestTenant;

beforeAll(async () => {
  broker = await OwnBroker.start();
  world = await World.create({
    ...UNLIMITED,
    ...USERS,
    AMQP_URL: broker.url,
    API_MAX_REQUEST_SIZE: '100000',
  });
  publisher = await Publisher.connect(broker.url);
  roma = await world.tenant('roma');
  milano = await world.tenant('milano');
  await connected();
});

afterAll(async () => {
  await publisher?.close();
  await world?.dispose();
  await broker?.dispose();
});

const connected = (): Promise<void> =>
  eventually({ until: 'the service consumes' }, async () => {
    const { consumerCount } = await publisher.channel.checkQueue('zenia.distribution.submit');
    expect(consumerCount).toBe(1);
  });

const keyOf = ({ api }: TestTenant): Options.Publish => ({ headers: { 'x-api-key': api.key } });
const inline = (path: string) => ({
  name: 'inline',
  protocol: 'REST',
  endpoint: `${world.receiver.url}/${path}`,
});
const job = (more: object = {}) => ({
  data_type: 'report',
  payload: { total: 1 },
  destinations: [],
  ...more,
});

/** Publishes with a queue for the answer, and gives what comes there. */
async function asked(
  tenantId: string,
  body: unknown,
  options: Options.Publish,
): Promise<Record<string, unknown>> {
  const { queue } = await publisher.channel.assertQueue('', { exclusive: true });
  await publisher.publish(tenantId, body, { ...options, replyTo: queue, correlationId: 'question-1' });
  const answer = await eventually({ until: 'an answer' }, async () => {
    const message = await publisher.channel.get(queue, { noAck: true });
    if (message === false) throw new Error('none yet');
    return message;
  });
  expect(answer.properties).toMatchObject({ correlationId: 'question-1', contentType: 'application/json' });
  await publisher.channel.deleteQueue(queue);
  return JSON.parse(answer.content.toString()) as Record<string, unknown>;
}

/** What came of a message that is refused: the only one in the dead queue. */
const theDead = (): Promise<GetMessage> =>
  eventually({ until: 'a dead message' }, async () => {
    const [message] = await publisher.takeDead();
    if (message === undefined) throw new Error('the dead queue is empty');
    return message;
  });

describe('a submission over AMQP', () => {
  it('is accepted, delivered, and answered as over HTTP', async () => {
    const body = job({ distribution_id: 'first', destinations: [inline('first')] });
    const answer = await asked('roma', body, keyOf(roma));
    expect(answer).toMatchObject({ distribution_id: 'first', status: 'accepted', destinations_count: 1 });
    const [arrived] = await world.receiver.received(1, '/first');
    expect(arrived?.headers['x-correlation-id']).toBe('question-1');
    const repeated = await asked('roma', body, keyOf(roma));
    expect(repeated).toMatchObject({ distribution_id: 'first', idempotent_replay: true });
    const overHttp = await roma.api.submit(body);
    expect(overHttp.body).toEqual({ ...answer, idempotent_replay: true });
    const { events } = (await roma.api.events('first')).body;
    expect(events[0]).toMatchObject({ actor: 'key:tests' });
  });

  it('is recognised by its message_id when it comes again', async () => {
    const named = { ...keyOf(roma), messageId: 'order-17' };
    expect(await asked('roma', job(), named)).toMatchObject({ distribution_id: 'order-17' });
    expect(await asked('roma', job(), named)).toMatchObject({ idempotent_replay: true });
    const conflict = await asked('roma', job({ payload: { total: 2 } }), named);
    expect(conflict).toMatchObject({ error: 'CONFLICT', request_id: 'question-1' });
    expect((await theDead()).properties.headers).toMatchObject({ 'x-error-code': 'CONFLICT' });
    expect(await world.count(`FROM distribution_jobs WHERE distribution_id = 'order-17'`)).toBe(1);
  });

  it('may be named by its body, which goes first', async () => {
    const body = job({ options: { idempotency_key: 'of-the-body' } });
    const answer = await asked('roma', body, { ...keyOf(roma), messageId: 'of-the-message' });
    expect(answer).toMatchObject({ distribution_id: 'of-the-body' });
  });

  it('is taken from a structured CloudEvent', async () => {
    const event = { specversion: '1.0', id: 'event-1', source: '/orders', type: 'order.placed', data: job() };
    const options = { ...keyOf(roma), contentType: 'application/cloudevents+json; charset=utf-8' };
    expect(await asked('roma', event, options)).toMatchObject({ distribution_id: 'event-1' });
    const base64 = Buffer.from(JSON.stringify(job())).toString('base64');
    const packed = { ...event, id: 'event-2', data: undefined, data_base64: base64 };
    expect(await asked('roma', packed, options)).toMatchObject({ distribution_id: 'event-2' });
  });

  it.each(['cloudEvents:', 'cloudEvents_'])('is taken from a binary CloudEvent with %s', async (prefix) => {
    const attributes = { specversion: '1.0', id: `by-${prefix}`, source: '/orders', type: 'order.placed' };
    const named = Object.entries(attributes).map(([name, value]) => [`${prefix}${name}`, value]);
    const headers = { 'x-api-key': roma.api.key, ...(Object.fromEntries(named) as object) };
    const answer = await asked('roma', job(), { headers, contentType: 'application/json' });
    expect(answer).toMatchObject({ distribution_id: `by-${prefix}` });
  });

  it('may be packed with gzip, and be sent under a token of the header authorization', async () => {
    const body = gzipSync(JSON.stringify(job({ distribution_id: 'packed' })));
    const options = { ...keyOf(roma), contentEncoding: 'gzip' };
    expect(await asked('roma', body, options)).toMatchObject({ distribution_id: 'packed' });
    const bearer = { headers: { authorization: `Bearer ${roma.api.key}` } };
    expect(await asked('roma', job({ distribution_id: 'bearer' }), bearer)).toMatchObject({
      status: 'accepted',
    });
  });

  it('needs no key from a broker user that is bound to the tenant, and none other', async () => {
    await world.tenant('bound');
    const answer = await asked('bound', job({ distribution_id: 'bound-1' }), { userId: 'guest' });
    expect(answer).toMatchObject({ status: 'accepted' });
    const [row] = await world.rows<{ submitted_by: string }>(
      `SELECT submitted_by FROM distribution_jobs WHERE distribution_id = 'bound-1'`,
    );
    expect(row?.submitted_by).toBe('broker:guest');
    expect(await asked('roma', job(), { userId: 'guest' })).toMatchObject({ error: 'AUTHORIZATION_FAILED' });
    const dead = await theDead();
    expect(dead.properties.headers).toMatchObject({ 'x-user-id': 'guest' });
  });

  it('may come from a platform key, in the tenant of the routing key', async () => {
    const admin = { headers: { 'x-api-key': world.service.adminKey } };
    expect(await asked('milano', job({ distribution_id: 'by-admin' }), admin)).toMatchObject({
      status: 'accepted',
    });
    expect((await milano.api.status('by-admin')).status).toBe(200);
    expect(await asked('nobody', job(), admin)).toMatchObject({ error: 'NOT_FOUND' });
    await theDead();
  });
});

describe('a message that cannot become a job', () => {
  const unknown = { 'x-api-key': `zk_${'0'.repeat(32)}` };
  const cases: [string, string, () => { tenant?: string; body?: unknown; options?: Options.Publish }][] = [
    ['without a credential', 'AUTHENTICATION_FAILED', () => ({ options: {} })],
    ['with an unknown key', 'AUTHENTICATION_FAILED', () => ({ options: { headers: unknown } })],
    ["for another tenant than the key's", 'AUTHORIZATION_FAILED', () => ({ tenant: 'milano' })],
    [
      "with another tenant's id in the body",
      'AUTHORIZATION_FAILED',
      () => ({ body: job({ tenant_id: 'milano' }) }),
    ],
    ['with a routing key that names no tenant', 'VALIDATION_ERROR', () => ({ tenant: 'not a tenant' })],
    ['that is not JSON', 'VALIDATION_ERROR', () => ({ body: Buffer.from('{"data_type":') })],
    ['that is not UTF-8', 'VALIDATION_ERROR', () => ({ body: Buffer.from([0x22, 0xff, 0x22]) })],
    ['with a key __proto__', 'VALIDATION_ERROR', () => ({ body: Buffer.from('{"__proto__": {"a": 1}}') })],
    ['that is nested too deep', 'VALIDATION_ERROR', () => ({ body: Buffer.from('['.repeat(9000)) })],
    ['with an unknown field', 'VALIDATION_ERROR', () => ({ body: job({ destination: 'archive' }) })],
    ['with an unknown destination', 'VALIDATION_ERROR', () => ({ body: job({ destinations: ['nowhere'] }) })],
    [
      'of another content type',
      'VALIDATION_ERROR',
      () => ({ options: { ...keyOf(roma), contentType: 'text/csv' } }),
    ],
    [
      'with a message_id that is too long',
      'VALIDATION_ERROR',
      () => ({ options: { ...keyOf(roma), messageId: 'x'.repeat(101) } }),
    ],
    [
      'that is no gzip, though it says so',
      'VALIDATION_ERROR',
      () => ({ options: { ...keyOf(roma), contentEncoding: 'gzip' } }),
    ],
    [
      'that unfolds beyond the limit',
      'PAYLOAD_TOO_LARGE',
      () => ({
        body: gzipSync(Buffer.alloc(1_000_000)),
        options: { ...keyOf(roma), contentEncoding: 'gzip' },
      }),
    ],
    ['that is too large', 'PAYLOAD_TOO_LARGE', () => ({ body: Buffer.alloc(100_001, 32) })],
    [
      'that is an event without an id',
      'VALIDATION_ERROR',
      () => ({
        body: { specversion: '1.0', source: '/a', type: 'b', data: job() },
        options: { ...keyOf(roma), contentType: 'application/cloudevents+json' },
      }),
    ],
  ];

  it.each(cases)('goes to the dead queue with its reason: one %s', async (_what, code, message) => {
    const { tenant = 'roma', body = job(), options = keyOf(roma) } = message();
    const jobs = await world.count('FROM distribution_jobs');
    const answer = await asked(tenant, body, options);
    expect(answer).toMatchObject({ error: code });
    const dead = await theDead();
    expect(dead.properties.headers).toMatchObject({ 'x-error-code': code });
    expect(String(dead.properties.headers?.['x-error'])).not.toBe('');
    expect(dead.fields.routingKey).toBe(`submit.${tenant}`);
    expect(dead.content.equals(Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)))).toBe(true);
    expect(JSON.stringify(dead.properties)).not.toContain('zk_');
    expect(await world.count('FROM distribution_jobs')).toBe(jobs);
  });

  it('is refused where the key may not submit, or the tenant is suspended', async () => {
    const reader = await roma.api.createKey('reader', ['distribution:read']);
    const answer = await asked('roma', job(), { headers: { 'x-api-key': String(reader['key']) } });
    expect(answer).toMatchObject({
      error: 'AUTHORIZATION_FAILED',
      message: 'you lack the scope distribution:submit',
    });
    await theDead();
    const napoli = await world.tenant('napoli');
    await world.rows(`UPDATE tenants SET status = 'suspended' WHERE id = 'napoli'`);
    await eventually({ until: 'the suspension is known' }, async () => {
      const refused = await asked('napoli', job(), keyOf(napoli));
      expect(refused).toMatchObject({ error: 'AUTHORIZATION_FAILED' });
    });
    await theDead();
  });

  it('takes nobody with it that came beside it', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        publisher.publish('roma', index % 3 === 0 ? { wrong: index } : job(), {
          ...keyOf(roma),
          messageId: `mixed-${index}`,
        }),
      ),
    );
    await eventually({ until: 'all are settled' }, async () => {
      expect(await world.count(`FROM distribution_jobs WHERE distribution_id LIKE 'mixed-%'`)).toBe(40);
      expect(await publisher.waiting('zenia.distribution.dead')).toBe(20);
    });
    expect(await publisher.takeDead()).toHaveLength(20);
  });

  it('gets no answer into the queues of the contract themselves', async () => {
    const options = { ...keyOf(roma), replyTo: 'zenia.distribution.submit' };
    await publisher.publish('roma', { wrong: 1 }, options);
    await theDead();
    expect(await publisher.takeDead()).toHaveLength(0);
  });
});

it('says in health and metrics that the broker is there', async () => {
  const { body } = await roma.api.get('/health/detailed');
  expect(body['checks']).toMatchObject({ broker: { status: 'healthy', held_messages: 0 } });
  const metrics = await (await fetch(`${world.service.url}/metrics`)).text();
  expect(metrics).toContain('zenia_distribution_amqp_connected 1');
  expect(metrics).toMatch(/zenia_distribution_amqp_messages_total\{status="accepted"\} [1-9]/);
});
