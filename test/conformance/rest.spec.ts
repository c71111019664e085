import { createServer, type Server } from 'node:net';
import { type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { type JsonObject } from '../../src/kernel/json';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Delivery, type Outcome } from '../../src/adapters/port';
import { newSigningSecret } from '../../src/adapters/signature';
import { delivery, RECEIVER_NAME } from './harness';
import { openerOf, patient } from './opener';
import { RestHarness, type RestRequest } from './rest-harness';
import { describeConformance } from './suite';

describeConformance(new RestHarness());

const harness = new RestHarness();
const open = openerOf('REST');

const plainUrl = (path = '/'): string => `http://127.0.0.1:${harness.plainPort}${path}`;

/** The outcome of one delivery by plain HTTP, and what arrived. */
async function sendPlain(
  more: JsonObject = {},
  changes: Partial<Delivery> = {},
): Promise<[Outcome, RestRequest]> {
  const sender = open({ endpoint: plainUrl('/hook?x=1'), ...more });
  const outcome = await sender.deliver(delivery(changes), patient());
  return [outcome, harness.arrivals().at(-1) as RestRequest];
}

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(() => {
  harness.behave('accept');
  harness.arrivals();
});

describe('REST: the request', () => {
  it('says whose delivery it is and is signed as Standard Webhooks says', async () => {
    const [current, previous] = [newSigningSecret(), newSigningSecret()];
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const sent = delivery({ attemptNumber: 3, traceparent, signingSecrets: [current, previous] });
    await open({ endpoint: plainUrl() }).deliver(sent, patient());
    const [arrived] = harness.arrivals();
    expect(arrived?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Distributor/1.2.3',
      'webhook-id': sent.deliveryId,
      'idempotency-key': sent.deliveryId,
      'x-tenant-id': sent.tenantId,
      'x-correlation-id': sent.correlationId,
      'x-distribution-id': sent.distributionId,
      'x-distribution-attempt': '3',
      'x-zenia-signature': expect.stringMatching(/^sha256=[0-9a-f]{64}$/) as string,
      traceparent,
    });
    for (const secret of [current, previous]) {
      const headers = arrived?.headers as Record<string, string>;
      expect(new Webhook(secret).verify(arrived?.body ?? '', headers)).toEqual(sent.payload);
    }
  });

  it("is signed by the destination's own secrets before the tenant's, and not at all without any", async () => {
    const own = newSigningSecret();
    const [, signed] = await sendPlain({ signing_secret: own }, { signingSecrets: [newSigningSecret()] });
    expect(() =>
      new Webhook(own).verify(signed.body, signed.headers as Record<string, string>),
    ).not.toThrow();
    const [, unsigned] = await sendPlain();
    expect(unsigned.headers['webhook-signature']).toBeUndefined();
  });

  it('names the compression of its body', async () => {
    const body = gzipSync('{"a":1}');
    const [, arrived] = await sendPlain({}, { body, contentEncoding: 'gzip' });
    expect(arrived).toMatchObject({ bytes: body.length, headers: { 'content-encoding': 'gzip' } });
  });

  it('has the method, headers and credentials of the configuration', async () => {
    const headers = { 'X-Custom': '{tenant_id}/{date:yyyy-MM-dd}', 'Content-Type': 'application/vnd.x+json' };
    const auth = { type: 'basic', username: 'user', password: 'pass:word' };
    const [, arrived] = await sendPlain({ method: 'PUT', headers, auth });
    expect(arrived).toMatchObject({
      method: 'PUT',
      url: '/hook?x=1',
      headers: {
        'x-custom': 'comune-roma/2026-03-09',
        'content-type': 'application/vnd.x+json',
        authorization: `Basic ${Buffer.from('user:pass:word').toString('base64')}`,
      },
    });
    const [, keyed] = await sendPlain({ auth: { type: 'api_key', header: 'X-Key', value: 'the-key' } });
    expect(keyed.headers['x-key']).toBe('the-key');
  });

  it('has the body that the format asks for', async () => {
    const payload = { name: 'a&b', list: [1, 2], nul: null };
    const [, form] = await sendPlain({ body_format: 'form' }, { payload });
    expect(form.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect([...new URLSearchParams(form.body)]).toEqual([
      ['name', 'a&b'],
      ['list', '[1,2]'],
      ['nul', 'null'],
    ]);
    const [, multipart] = await sendPlain(
      { body_format: 'multipart' },
      { payload: { 'a"b\r\nc': 'x', o: {} } },
    );
    const parts = await new Response(multipart.body, {
      headers: { 'content-type': String(multipart.headers['content-type']) },
    }).formData();
    expect([...parts]).toEqual([
      ['a"b\r\nc', 'x'],
      ['o', '{}'],
    ]);
    const [, none] = await sendPlain({ method: 'GET' });
    expect(none).toMatchObject({ method: 'GET', bytes: 0 });
  });

  it('survives names that no header could carry', async () => {
    const [outcome, arrived] = await sendPlain({}, { correlationId: 'x\r\nEvil: 1 é' });
    expect(outcome.kind).toBe('delivered');
    expect(arrived.headers['evil']).toBeUndefined();
    expect(arrived.headers['x-correlation-id']).toBe('x%0D%0AEvil: 1 %C3%A9');
  });
});

describe('REST: the answer', () => {
  const answering = (status: number, headers: Record<string, string> = {}): void =>
    harness.answerBy((_request, response) => void response.writeHead(status, headers).end());

  it.each([
    [200, 'delivered', undefined],
    [204, 'delivered', undefined],
    [301, 'refused', 'REDIRECT_REFUSED'],
    [400, 'refused', 'RECEIVER_REFUSED'],
    [403, 'refused', 'AUTHENTICATION_FAILED'],
    [408, 'retry', 'RECEIVER_UNAVAILABLE'],
    [425, 'retry', 'RECEIVER_UNAVAILABLE'],
    [429, 'retry', 'RATE_LIMITED'],
    [500, 'retry', 'RECEIVER_UNAVAILABLE'],
    [599, 'retry', 'RECEIVER_UNAVAILABLE'],
    [999, 'refused', 'RECEIVER_REFUSED'],
  ])('%i is %s %s', async (status, kind, code) => {
    answering(status);
    const [outcome] = await sendPlain();
    expect(outcome).toMatchObject({
      kind,
      response: { statusCode: status },
      ...(code === undefined ? {} : { code }),
    });
  });

  it('410 disables the destination', async () => {
    answering(410);
    const [outcome] = await sendPlain();
    expect(outcome).toMatchObject({ kind: 'refused', code: 'RECEIVER_GONE', disableDestination: true });
  });

  it('counts as the configuration says', async () => {
    const sets = { success_statuses: [202, '300-304'], retry_statuses: ['4xx'] };
    for (const [status, kind] of [
      [202, 'delivered'],
      [304, 'delivered'],
      [404, 'retry'],
      [200, 'refused'],
      [500, 'refused'],
    ] as const) {
      answering(status);
      expect((await sendPlain(sets))[0].kind).toBe(kind);
    }
  });

  it('is not followed to where it redirects', async () => {
    answering(307, { location: plainUrl('/elsewhere') });
    await sendPlain();
    expect(harness.arrivals()).toEqual([]);
  });

  it.each([
    ['17', 17],
    ['in a minute', 60],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
  ])('with Retry-After: %s', async (value, seconds) => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    answering(503, { 'retry-after': value === 'in a minute' ? date : value });
    const [outcome] = await sendPlain();
    const waited = outcome.kind === 'retry' ? outcome.retryAfterSeconds : Number.NaN;
    if (seconds === undefined) expect(waited).toBeUndefined();
    else expect(Math.abs((waited ?? Number.NaN) - seconds)).toBeLessThanOrEqual(2);
  });

  it('is kept up to the limit, and a longer one is not read to its end', async () => {
    const sent: Promise<number>[] = [];
    harness.answerBy((_request, response) => {
      const endless = setInterval(() => response.write('x'.repeat(65_536)), 1);
      sent.push(new Promise((resolve) => response.on('close', () => (clearInterval(endless), resolve(1)))));
    });
    const [outcome] = await sendPlain({ max_response_bytes: 1000 });
    expect(outcome).toMatchObject({ kind: 'delivered', response: { body: 'x'.repeat(1000) } });
    expect(outcome.log).toHaveLength(1);
    await Promise.all(sent);
  });

  it('is kept as text that a database can hold', async () => {
    harness.answerBy((_request, response) => void response.end(Buffer.from('a\0b\xff\xfec', 'latin1')));
    const [outcome] = await sendPlain();
    expect(outcome.response?.body).toBe('a\uFFFDb\uFFFD\uFFFDc');
    harness.answerBy((_request, response) => void response.end('è'.repeat(1000)));
    const [cut] = await sendPlain({ max_response_bytes: 9 });
    expect(cut.response?.body).toBe('èèèè');
  });

  it('hides a secret that the limit would cut in half', async () => {
    const auth = { type: 'bearer', token: 'a-very-long-secret-token' };
    harness.answerBy(
      (_request, response) => void response.end(`${'x'.repeat(90)}a-very-long-secret-token and more`),
    );
    const [outcome] = await sendPlain({ auth, max_response_bytes: 100 });
    expect(outcome.response?.body).toBe(`${'x'.repeat(90)}[secret] a`);
  });

  it('that trickles is ended by the signal; its status decides', async () => {
    harness.answerBy((_request, response) => {
      response.writeHead(503).write('a');
      const trickle = setInterval(() => response.write('a'), 5);
      response.on('close', () => clearInterval(trickle));
    });
    const outcome = await open({ endpoint: plainUrl() }).deliver(delivery(), AbortSignal.timeout(100));
    expect(outcome).toMatchObject({
      kind: 'retry',
      code: 'RECEIVER_UNAVAILABLE',
      response: { statusCode: 503 },
    });
    expect(outcome.response?.body).toMatch(/^a+$/);
  });

  it('may be announced by others', async () => {
    harness.answerBy((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(201).end();
    });
    expect((await sendPlain())[0]).toMatchObject({ kind: 'delivered', response: { statusCode: 201 } });
  });
});

describe('REST: a receiver that does not keep to HTTP', () => {
  let server: Server;
  let words = '';

  beforeAll((done) => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => (words === '' ? socket.resetAndDestroy() : socket.end(words)));
    }).listen(0, '127.0.0.1', done);
  });
  afterAll((done) => void server.close(done));

  it.each([
    '',
    'SSH-2.0-OpenSSH_9.2\r\n',
    'HTTP/1.1 abc\r\n\r\n',
    'HTTP/1.1 200 OK\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
  ])('is a failed connection, not an exception (%#)', async (spoken) => {
    words = spoken;
    const { port } = server.address() as AddressInfo;
    const outcome = await open({ endpoint: `http://127.0.0.1:${port}/` }).deliver(delivery(), patient());
    expect(outcome).toMatchObject({ kind: 'retry', code: 'CONNECTION_FAILED', response: undefined });
  });
});

describe('REST: the connection', () => {
  const good = `https://${RECEIVER_NAME}:`;

  it('is kept and used again', async () => {
    const sender = open({ endpoint: plainUrl() });
    const before = harness.connections();
    for (let i = 0; i < 5; i++) await sender.deliver(delivery(), patient());
    // The pool may open a second one while the first is still putting away the last answer.
    expect(harness.connections() - before).toBeLessThanOrEqual(2);
  });

  it('opens no more than the destination allows', async () => {
    const sender = open({ endpoint: plainUrl(), max_in_flight: 3 });
    const before = harness.connections();
    await Promise.all(Array.from({ length: 30 }, () => sender.deliver(delivery(), patient())));
    expect(harness.connections() - before).toBe(3);
  });

  it('shows the client certificate', async () => {
    const tls = { ca: harness.certificates.ca, ...harness.certificates.client };
    const outcome = await open({ endpoint: `${good}${harness.port}/`, tls }).deliver(delivery(), patient());
    expect(outcome.kind).toBe('delivered');
    expect(harness.arrivals()[0]?.client).toBe('client');
  });

  it('expects the name in the certificate, or the one that the configuration names', async () => {
    const { ca } = harness.certificates;
    const endpoint = `https://127.0.0.1:${harness.port}/`;
    const strange = await open({ endpoint, tls: { ca } }).deliver(delivery(), patient());
    expect(strange).toMatchObject({ kind: 'retry', code: 'TLS_FAILED' });
    const named = open({ endpoint, tls: { ca, server_name: RECEIVER_NAME } });
    expect((await named.deliver(delivery(), patient())).kind).toBe('delivered');
    expect((await named.checkHealth(patient())).status).toBe('healthy');
  });

  it('goes to the address that was checked: a name is looked up once for each', async () => {
    const answers = ['127.0.0.1', '10.255.255.1'];
    let asked = 0;
    const guard = new NetworkGuard(['127.0.0.0/8'], async () => [
      { address: answers[asked++] ?? '10.0.0.1', family: 4 },
    ]);
    const sender = open(harness.at(`${good}${harness.port}/`, { max_in_flight: 1 }), guard);
    expect((await sender.deliver(delivery(), patient())).kind).toBe('delivered');
    expect(asked).toBe(1);
    // The name has turned inside meanwhile: what is open stays in use, a new connection is refused.
    expect((await sender.deliver(delivery(), patient())).kind).toBe('delivered');
    await harness.disappear();
    await harness.comeBack();
    const outcomes = [
      await sender.deliver(delivery(), patient()),
      await sender.deliver(delivery(), patient()),
    ];
    expect(outcomes.at(-1)).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN' });
  });
});
