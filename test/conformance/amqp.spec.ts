import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { type JsonObject } from '../../src/kernel/json';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Delivery, type Outcome } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { mask } from '../../src/adapters/secrets';
import { newSigningSecret } from '../../src/adapters/signature';
import { examplesOf, undocumentedOptions } from './destination-docs';
import { type AmqpArrival, AmqpHarness } from './amqp-harness';
import { delivery, lenientGuard, RECEIVER_NAME } from './harness';
import { openerOf, patient } from './opener';
import { describeConformance } from './suite';

describeConformance(new AmqpHarness());

const harness = new AmqpHarness();
const open = openerOf('AMQP');

/** The outcome of one delivery, and what arrived. */
async function send(
  configuration: JsonObject,
  changes: Partial<Delivery> = {},
): Promise<[Outcome, AmqpArrival]> {
  const outcome = await open(configuration).deliver(delivery(changes), patient());
  return [outcome, (await harness.arrivals()).at(-1) as AmqpArrival];
}

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(async () => {
  await harness.behave('accept');
  await harness.arrivals();
});

describe('AMQP: the message', () => {
  it('is persistent and says whose delivery it is, signed as Standard Webhooks says', async () => {
    const secret = newSigningSecret();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const sent = delivery({ attemptNumber: 3, traceparent, signingSecrets: [secret] });
    await open(harness.good()).deliver(sent, patient());
    const [arrived] = await harness.arrivals();
    expect(arrived?.message.fields).toMatchObject({ exchange: harness.exchange, routingKey: 'orders.new' });
    expect(arrived?.message.properties).toMatchObject({
      deliveryMode: 2,
      messageId: sent.deliveryId,
      correlationId: 'corr-1',
      contentType: 'application/json',
      contentEncoding: undefined,
      timestamp: Date.parse('2026-03-09T10:11:12Z') / 1000,
      type: 'ordinance',
      appId: 'distributor',
    });
    const headers = arrived?.message.properties.headers as Record<string, string>;
    expect(headers).toMatchObject({
      'x-tenant-id': sent.tenantId,
      'x-correlation-id': 'corr-1',
      'x-distribution-id': sent.distributionId,
      'x-distribution-attempt': 3,
      'x-zenia-signature': expect.stringMatching(/^sha256=[0-9a-f]{64}$/) as string,
      traceparent,
    });
    expect(new Webhook(secret).verify(arrived?.message.content ?? '', headers)).toEqual(sent.payload);
  });

  it('carries the configured headers and properties, and is not signed without a secret', async () => {
    const body = gzipSync('{}');
    const [, arrived] = await send(
      harness.at(
        {},
        {
          delivery_mode: 'transient',
          headers: { region: '{payload.name}', 'x-delay': 1500, test: true },
          properties: {
            content_type: 'application/vnd.example+json',
            correlation_id: '{distribution_id}',
            reply_to: 'answers',
            expiration: 60_000,
            priority: 7,
            type: '{data_type}.v2',
            user_id: decodeURIComponent(harness.brokerUrl.username),
            app_id: 'portal',
          },
        },
      ),
      { body, contentEncoding: 'gzip', payload: { name: 'città\r\n' } },
    );
    expect(arrived.message.content).toEqual(body);
    expect(arrived.message.properties).toMatchObject({
      deliveryMode: 1,
      contentType: 'application/vnd.example+json',
      contentEncoding: 'gzip',
      correlationId: 'dist-2026-1',
      replyTo: 'answers',
      expiration: '60000',
      priority: 7,
      type: 'ordinance.v2',
      appId: 'portal',
    });
    const { headers } = arrived.message.properties;
    expect(headers).toMatchObject({ region: 'città\r\n', 'x-delay': 1500, test: true });
    expect(headers).not.toHaveProperty('webhook-signature');
  });

  it("keeps a job's value one word of the routing key, and never lets it name the default exchange", async () => {
    const named = harness.at({}, { routing_key: 'orders.{payload.name}.{tenant_id}' });
    const [, arrived] = await send(named, { payload: { name: 'a.b.#.*' } });
    expect(arrived.message.fields.routingKey).toBe('orders.a%2Eb%2E%23%2E%2A.comune-roma');
    const anyExchange = harness.at({}, { exchange: '{payload.exchange}', routing_key: harness.queue });
    const [refused] = await send(anyExchange, { payload: { exchange: '' } });
    expect(refused).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
    const [long] = await send(named, { payload: { name: 'x'.repeat(300) } });
    expect(long).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('longer than 255 bytes') as string,
    });
  });

  it('reaches a queue by the default exchange', async () => {
    const [outcome, arrived] = await send(harness.at({}, { exchange: '', routing_key: harness.queue }));
    expect([outcome.kind, arrived.message.fields.exchange]).toEqual(['delivered', '']);
  });
});

describe('AMQP: what the broker says', () => {
  it('tells that no queue took the message, unless that was allowed', async () => {
    const lost = harness.at({}, { exchange: 'amq.direct', routing_key: harness.prefix });
    expect((await send(lost))[0]).toMatchObject({
      kind: 'refused',
      code: 'RECEIVER_REFUSED',
      response: { statusCode: 312, body: 'NO_ROUTE' },
    });
    expect((await send({ ...lost, mandatory: false }))[0]).toMatchObject({ kind: 'delivered' });
  });

  it('refuses what goes to a missing exchange and delivers all that was in flight beside it', async () => {
    const before = harness.connections();
    // A value is one word of the name; the dot comes from the author.
    const sender = open(harness.at({}, { exchange: `${harness.prefix}.{payload.exchange}` }));
    const sent = Array.from({ length: 30 }, (_, index) =>
      delivery({ payload: { exchange: index % 10 === 4 ? `missing-${index}` : 'exchange' } }),
    );
    const outcomes = await Promise.all(sent.map((one) => sender.deliver(one, patient())));
    outcomes.forEach((outcome, index) =>
      expect(outcome).toMatchObject(
        index % 10 === 4
          ? { kind: 'refused', code: 'RECEIVER_REFUSED', response: { statusCode: 404 } }
          : { kind: 'delivered' },
      ),
    );
    expect(new Set((await harness.arrivals()).map(({ id }) => id)).size).toBe(27);
    expect(harness.connections()).toBe(before + 1);
  });

  it('opens another channel after each kind of refusal, on the same connection', async () => {
    const inner = `${harness.prefix}.inner`;
    await harness.channel.assertExchange(inner, 'fanout', {
      durable: false,
      autoDelete: false,
      internal: true,
    });
    const before = harness.connections();
    const head = harness.prefix;
    const sender = open(
      harness.at({}, { exchange: `${head}.{payload.to}`, properties: { user_id: '{payload.user}' } }),
    );
    const user = decodeURIComponent(harness.brokerUrl.username);
    const deliver = (to: string, as = user): Promise<Outcome> =>
      sender.deliver(delivery({ payload: { to, user: as } }), patient());
    expect(await deliver('exchange')).toMatchObject({ kind: 'delivered' });
    expect(await deliver('missing')).toMatchObject({
      code: 'RECEIVER_REFUSED',
      response: { statusCode: 404 },
    });
    expect(await deliver('inner')).toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      response: { statusCode: 403 },
    });
    expect(await deliver('exchange', 'somebody')).toMatchObject({
      kind: 'refused',
      code: 'RECEIVER_REFUSED',
      response: { statusCode: 406 },
    });
    expect(await deliver('exchange')).toMatchObject({ kind: 'delivered' });
    expect(harness.connections()).toBe(before + 1);
    await harness.channel.deleteExchange(inner);
  });

  it('about a virtual host that does not exist is tried again, with what to check', async () => {
    const [outcome] = await send(harness.at({ vhost: `${harness.prefix}/%2F` }));
    expect(outcome).toMatchObject({
      kind: 'retry',
      code: 'AUTHENTICATION_FAILED',
      message: expect.stringContaining('virtual host') as string,
    });
  });

  it('in a health check tells a missing exchange', async () => {
    expect(await open(harness.good()).checkHealth(patient())).toMatchObject({ status: 'healthy' });
    const missing = open(harness.at({}, { exchange: `${harness.prefix}.missing` }));
    expect(await missing.checkHealth(patient())).toMatchObject({
      status: 'unhealthy',
      code: 'RECEIVER_REFUSED',
    });
    expect((await missing.deliver(delivery(), patient())).kind).toBe('refused');
  });
});

describe('AMQP: the connection', () => {
  it('is one for all deliveries of a sender, and one again after the broker was gone', async () => {
    const before = harness.connections();
    const sender = open(harness.good());
    const many = (): Promise<Outcome[]> =>
      Promise.all(Array.from({ length: 50 }, () => sender.deliver(delivery(), patient())));
    expect(new Set((await many()).map(({ kind }) => kind))).toEqual(new Set(['delivered']));
    expect(harness.connections()).toBe(before + 1);
    await harness.disappear();
    expect(new Set((await many()).map(({ kind }) => kind))).toEqual(new Set(['retry']));
    await harness.comeBack();
    expect(new Set((await many()).map(({ kind }) => kind))).toEqual(new Set(['delivered']));
    expect(harness.connections()).toBe(before + 2);
  });

  it('goes to the next broker of several, each checked by the guard', async () => {
    const { host: name, port, ...shared } = harness.good()['connection'] as JsonObject;
    const host = name as string;
    const several = (hosts: string[]): JsonObject => ({
      ...harness.good(),
      connection: { ...shared, hosts },
    });
    const [outcome] = await send(several([`${host}:1`, `${host}:${Number(port)}`]));
    expect(outcome.kind).toBe('delivered');
    const [gone] = await send(several([`${host}:1`, `missing.test:${Number(port)}`]));
    expect(gone).toMatchObject({ kind: 'retry', code: 'CONNECTION_FAILED' });
  });

  it('takes a URL with everything in it, which is a secret', async () => {
    const url = new URL(harness.brokerUrl.href);
    url.hostname = RECEIVER_NAME;
    const configuration = { connection: { url: `${url.href}?heartbeat=20` }, routing_key: harness.queue };
    const [outcome] = await send(configuration);
    expect(outcome.kind).toBe('delivered');
    const schema =
      createAdapters({ guard: lenientGuard(), version: '1' }).get('AMQP')?.configurationSchema ?? {};
    expect(mask(configuration, schema)).toMatchObject({ connection: { url: '********' } });
    url.username = 'nobody';
    url.password = 'p%40ss-word-71';
    const [refused] = await send({ ...configuration, connection: { url: url.href } });
    expect(refused).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
    expect(JSON.stringify(refused)).not.toMatch(/p(%40|@)ss-word-71/);
  });

  it('shows a client certificate, and expects the name that was configured', async () => {
    const { ca, client } = harness.certificates;
    const tls = { ca, ...client };
    expect((await send(harness.at({ tls })))[0].kind).toBe('delivered');
    expect(harness.clients).toContain('client');
    expect((await send(harness.at({ host: '127.0.0.1', tls })))[0]).toMatchObject({ code: 'TLS_FAILED' });
    const named = harness.at({ host: '127.0.0.1', tls: { ...tls, server_name: RECEIVER_NAME } });
    expect((await send(named))[0].kind).toBe('delivered');
  });

  it('goes to the address that was checked: a name is looked up once for each', async () => {
    let asked = 0;
    const answers = ['127.0.0.1', '10.255.255.1'];
    const guard = new NetworkGuard(['127.0.0.0/8'], async () => [
      { address: answers[asked++] ?? '10.0.0.1', family: 4 },
    ]);
    const sender = open(harness.good(), guard);
    expect((await sender.deliver(delivery(), patient())).kind).toBe('delivered');
    expect((await sender.deliver(delivery(), patient())).kind).toBe('delivered');
    expect(asked).toBe(1);
    await harness.disappear();
    await harness.comeBack();
    // The name has turned inside meanwhile.
    const outcomes = [
      await sender.deliver(delivery(), patient()),
      await sender.deliver(delivery(), patient()),
    ];
    expect(outcomes.at(-1)).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN' });
  });

  it('is not opened with a reference that was not resolved', () => {
    const configuration = harness.at({ credentials: { username: 'a', password: { env: 'A' } } });
    expect(() => open(configuration)).toThrow('was not resolved');
    expect(() => open({ connection: { url: { env: 'AMQP_TARGET' } }, routing_key: 'q' })).toThrow(
      'was not resolved',
    );
  });
});

describe('AMQP: the page in docs/destinations', () => {
  it('mentions every option', () => expect(undocumentedOptions('AMQP')).toEqual([]));

  it('has an example that works, and a URL that is accepted', async () => {
    const [example, url] = examplesOf('AMQP');
    const { connection, exchange } = harness.good();
    const [outcome, arrived] = await send(
      { ...example, connection: connection ?? null, exchange: exchange ?? null },
      { payload: { office: 'a.b' } },
    );
    expect(outcome.kind).toBe('delivered');
    expect(arrived.message.fields.routingKey).toBe('comune-roma.ordinance.a%2Eb');
    expect(arrived.message.properties).toMatchObject({ expiration: '3600000', priority: 5 });
    open(url ?? {});
  });
});
