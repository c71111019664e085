import { gzipSync } from 'node:zlib';
import { HTTP } from 'cloudevents';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Outcome } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { type JsonObject } from '../../src/kernel/json';
import { ConnectProxy } from '../support/connect-proxy';
import { eventually } from '../support/eventually';
import { examplesOf, undocumentedOptions } from './destination-docs';
import { delivery, lenientGuard, RECEIVER_NAME, strictGuard } from './harness';
import { openerOf, patient } from './opener';
import { type Handler, RestHarness } from './rest-harness';
import { TokenServer } from './token-server';

const harness = new RestHarness();
const open = openerOf('REST');

const adapterFor = (guard: NetworkGuard) => {
  const adapter = createAdapters({ guard, version: '1.2.3' }).get('REST');
  if (adapter === undefined) throw new Error('REST is not registered');
  return adapter;
};

const send = (configuration: JsonObject, guard = lenientGuard()): Promise<Outcome> =>
  open(configuration, guard).deliver(delivery(), patient());

const issuesOf = (configuration: JsonObject, guard = lenientGuard()): string => {
  const parsed = adapterFor(guard).parse(configuration);
  return parsed.ok ? '' : parsed.issues.map(({ field, issue }) => `${field}: ${issue}`).join('\n');
};

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(() => {
  harness.behave('accept');
  harness.arrivals();
});

describe('REST: a proxy', () => {
  let proxy: ConnectProxy;

  beforeEach(async () => (proxy = await ConnectProxy.start()));
  afterEach(() => proxy.stop());

  /** The good configuration by way of the proxy. */
  const through = (more: JsonObject = {}): JsonObject => ({
    ...harness.good(),
    proxy: `http://127.0.0.1:${proxy.port}`,
    ...more,
  });

  it('carries deliveries and health checks, over kept connections', async () => {
    const sender = open(through({ max_in_flight: 1 }));
    for (let i = 0; i < 5; i++) {
      expect(await sender.deliver(delivery(), patient())).toMatchObject({ kind: 'delivered' });
    }
    expect(proxy.asked).toEqual([`127.0.0.1:${harness.port}`]);
    expect(await sender.checkHealth(patient())).toMatchObject({ status: 'healthy' });
    expect(proxy.asked).toHaveLength(2);
    await sender.close();
    await eventually({ until: 'every tunnel is closed' }, () => expect(proxy.open).toBe(0));
  });

  it('carries plain HTTP in a tunnel, too', async () => {
    const endpoint = `http://${RECEIVER_NAME}:${harness.plainPort}/hook`;
    expect(await send(through({ endpoint }))).toMatchObject({ kind: 'delivered' });
    expect(harness.arrivals()).toMatchObject([
      { url: '/hook', headers: { host: `${RECEIVER_NAME}:${harness.plainPort}` } },
    ]);
    expect(proxy.asked).toEqual([`127.0.0.1:${harness.plainPort}`]);
  });

  it('is asked for tokens, too', async () => {
    const tokens = await TokenServer.start();
    tokens.tokens = ['an-access-token-1'];
    const auth = { type: 'oauth2', token_url: tokens.url, client_id: 'c', client_secret: 'client-secret-1' };
    await send(through({ auth }));
    expect(proxy.asked).toEqual([`127.0.0.1:${new URL(tokens.url).port}`, `127.0.0.1:${harness.port}`]);
    await tokens.stop();
  });

  it('may be reached by TLS itself', async () => {
    const secured = await ConnectProxy.start(harness.certificates.server);
    const by = { proxy: `https://${RECEIVER_NAME}:${secured.port}` };
    expect(await send({ ...harness.good(), ...by })).toMatchObject({ kind: 'delivered' });
    expect(secured.asked).toEqual([`127.0.0.1:${harness.port}`]);
    expect(await send({ ...harness.untrusted(), ...by })).toMatchObject({
      kind: 'retry',
      code: 'TLS_FAILED',
    });
    expect(secured.asked).toHaveLength(1);
    await secured.stop();
  });

  it('is told who asks, and never sees what the receiver is told', async () => {
    const proxy_credentials = { username: 'me', password: 'proxy-password-61' };
    expect(await send(through({ proxy_credentials }))).toMatchObject({ kind: 'delivered' });
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('me:proxy-password-61').toString('base64')}`]);
    const [arrived] = harness.arrivals();
    expect(arrived?.headers['proxy-authorization']).toBeUndefined();
  });

  it.each([
    [407, 'refused', 'AUTHENTICATION_FAILED'],
    [403, 'refused', 'RECEIVER_REFUSED'],
    [503, 'retry', 'RECEIVER_UNAVAILABLE'],
  ])('that answers %i: %s', async (status, kind, code) => {
    proxy.status = status;
    const outcome = await send(through());
    expect(outcome).toMatchObject({ kind, code, bytesSent: 0, response: undefined });
    expect(outcome.kind === 'delivered' ? '' : outcome.message).toContain(String(status));
  });

  it('that never answers is a time-out; one that is away a failed connection', async () => {
    proxy.status = 0;
    const late = await send(through({ connect_timeout_seconds: 0.2 }));
    expect(late).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
    const { port } = proxy;
    await proxy.stop();
    const away = await send({ ...harness.good(), proxy: `http://127.0.0.1:${port}` });
    expect(away).toMatchObject({ kind: 'retry', code: 'CONNECTION_FAILED' });
  });

  it('does not open the inside of the network: proxy and receiver are both checked', async () => {
    const outside = new NetworkGuard(['203.0.113.0/24'], async () => [{ address: '127.0.0.1', family: 4 }]);
    const forbidden = { kind: 'refused', code: 'NETWORK_FORBIDDEN' };
    const inner = { endpoint: 'https://inside.test/', proxy: 'http://203.0.113.1:3128' };
    expect(await send(inner, outside)).toMatchObject(forbidden);
    expect(
      await send({ endpoint: 'https://203.0.113.1/', proxy: 'http://inside.test:3128' }, outside),
    ).toMatchObject(forbidden);
    const direct = issuesOf(
      { endpoint: 'https://example.com/', proxy: 'http://127.0.0.1:3128' },
      strictGuard(),
    );
    expect(direct).toContain('configuration.proxy: must not point to');
  });

  it('gets the address that was checked, so that no second look-up can differ', async () => {
    let asked = 0;
    const guard = new NetworkGuard(['127.0.0.0/8'], async () => [
      { address: asked++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 },
    ]);
    expect(await send(through(), guard)).toMatchObject({ kind: 'delivered' });
    expect(proxy.asked).toEqual([`127.0.0.1:${harness.port}`]);
  });

  it('is never taken from the environment', async () => {
    const before = { ...process.env };
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY'])
      process.env[name] = `http://127.0.0.1:${proxy.port}`;
    try {
      const sender = open(harness.good());
      await sender.deliver(delivery(), patient());
      await sender.checkHealth(patient());
    } finally {
      process.env = before;
    }
    expect(proxy.asked).toEqual([]);
  });

  it.each([
    [{ proxy: 'socks5://example.com:1080' }, 'configuration.proxy: must begin with http:// or https://'],
    [{ proxy: 'http://a:b@example.com' }, 'put them into proxy_credentials'],
    [{ proxy: 'http://example.com/path' }, 'configuration.proxy: must end after host and port'],
    [{ proxy_credentials: { username: 'a', password: 'b' } }, 'configuration.proxy: is required'],
    [
      { proxy: 'http://example.com', proxy_credentials: { username: 'a:b', password: 'c' } },
      'configuration.proxy_credentials.username: does not have the right form',
    ],
  ])('%j is refused', (more, issue) => expect(issuesOf({ ...harness.good(), ...more })).toContain(issue));
});

describe('REST: redirects, where they are allowed', () => {
  const redirecting =
    (status: number, location: string): Handler =>
    (request, response) => {
      const headers = request.url === '/hook' ? { location } : {};
      response.writeHead(request.url === '/hook' ? status : 200, headers).end();
    };
  const plain = (path: string): string => `http://${RECEIVER_NAME}:${harness.plainPort}${path}`;
  const secure = (path: string): string => `https://${RECEIVER_NAME}:${harness.port}${path}`;

  const secrets = { 'x-api-token': 'header-token-5521', cookie: 'a=b', 'x-plain': 'stays' };

  it.each([301, 302, 307, 308])('%i: the same request goes to the new place', async (status) => {
    harness.answerBy(redirecting(status, '/moved?x=1'));
    const outcome = await send({ ...harness.good(), max_redirects: 1 });
    expect(outcome).toMatchObject({ kind: 'delivered', response: { statusCode: 200 } });
    const [first, second] = harness.arrivals();
    expect(second).toMatchObject({ url: '/moved?x=1', method: 'POST', id: first?.id, sha256: first?.sha256 });
    expect(second?.headers.authorization).toBe(first?.headers.authorization);
  });

  it('drops every credential on the way to another origin', async () => {
    harness.answerBy(redirecting(307, secure('/moved')));
    const auth = { type: 'api_key', header: 'X-Mine', value: 'api-key-value-77' };
    const { ca } = harness.certificates;
    const tls = { ca, ...harness.certificates.client };
    const outcome = await send({ endpoint: plain('/hook'), auth, tls, headers: secrets, max_redirects: 1 });
    expect(outcome).toMatchObject({ kind: 'delivered' });
    const [first, second] = harness.arrivals();
    expect(first?.headers).toMatchObject({ ...secrets, 'x-mine': 'api-key-value-77' });
    expect(second).toMatchObject({ url: '/moved', client: undefined, id: first?.id });
    expect(Object.keys(second?.headers ?? {})).toContain('x-plain');
    for (const name of ['x-mine', 'x-api-token', 'cookie', 'authorization']) {
      expect(second?.headers[name]).toBeUndefined();
    }
  });

  it('asks the guard at each hop', async () => {
    const guard = new NetworkGuard(['127.0.0.1/32'], async (name) => [
      { address: name === 'metadata.test' ? '169.254.169.254' : '127.0.0.1', family: 4 },
    ]);
    for (const place of ['http://metadata.test/latest', 'http://169.254.169.254/', 'http://127.0.0.2/']) {
      harness.answerBy(redirecting(307, place));
      const outcome = await send({ endpoint: plain('/hook'), max_redirects: 3 }, guard);
      expect(outcome).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN' });
    }
  });

  it('are not followed in a circle, from HTTPS to HTTP, to another scheme, or where the answer is a page', async () => {
    const refused = { kind: 'refused', code: 'REDIRECT_REFUSED' };
    harness.answerBy((_request, response) => void response.writeHead(307, { location: '/hook' }).end());
    expect(await send({ ...harness.good(), max_redirects: 3 })).toMatchObject(refused);
    expect(harness.arrivals()).toHaveLength(4);
    for (const [status, place] of [
      [307, plain('/moved')],
      [307, 'ftp://example.com/'],
      [307, secure('/moved').replace('//', '//user:pass@')],
      [303, '/moved'],
    ] as const) {
      harness.answerBy(redirecting(status, place));
      const endpoint = secure('/hook');
      expect(await send({ ...harness.good(), endpoint, max_redirects: 3 })).toMatchObject(refused);
      expect(harness.arrivals()).toHaveLength(1);
    }
  });
});

describe('REST: CloudEvents', () => {
  const sent = delivery({ payload: { name: 'città' }, dataType: 'ordinance "50%"' });

  /** What the official library reads from the request that arrived. */
  const arrived = async (body_format: string, changes = {}): Promise<unknown> => {
    const sender = open({ endpoint: `http://127.0.0.1:${harness.plainPort}/`, body_format });
    expect(await sender.deliver({ ...sent, ...changes }, patient())).toMatchObject({ kind: 'delivered' });
    const [request] = harness.arrivals();
    const headers = request?.headers as Record<string, string>;
    return HTTP.toEvent({ headers, body: request?.body });
  };

  it.each(['cloudevents_binary', 'cloudevents_structured'])(
    '%s is what the standard says',
    async (format) => {
      expect(await arrived(format)).toMatchObject({
        specversion: '1.0',
        id: sent.deliveryId,
        source: '/tenants/comune-roma',
        type: format === 'cloudevents_binary' ? 'ordinance%20%2250%25%22' : 'ordinance "50%"',
        subject: 'dist-2026-1',
        time: '2026-03-09T10:11:12.000Z',
        data: { name: 'città' },
      });
    },
  );

  it('structured carries what is not JSON, too', async () => {
    const body = Buffer.from('a;b\n1;2\n');
    expect(await arrived('cloudevents_structured', { body, contentType: 'text/csv' })).toMatchObject({
      datacontenttype: 'text/csv',
      data_base64: body.toString('base64'),
    });
  });

  it('structured is compressed whole where the job is', async () => {
    const sender = open({
      endpoint: `http://127.0.0.1:${harness.plainPort}/`,
      body_format: 'cloudevents_structured',
    });
    await sender.deliver({ ...sent, body: gzipSync(sent.body), contentEncoding: 'gzip' }, patient());
    const [request] = harness.arrivals();
    expect(request?.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': 'application/cloudevents+json; charset=utf-8',
    });
  });

  it('cannot be contradicted by headers', () => {
    const good = harness.good();
    const structured = {
      ...good,
      body_format: 'cloudevents_structured',
      headers: { 'Content-Type': 'text/plain' },
    };
    expect(issuesOf(structured)).toContain('configuration.headers.Content-Type: is set twice');
    const binary = { ...good, body_format: 'cloudevents_binary', headers: { 'ce-id': 'x' } };
    expect(issuesOf(binary)).toContain('configuration.headers.ce-id: is set twice');
  });
});

describe('REST: the documentation', () => {
  it('names every option, and its examples work', async () => {
    expect(undocumentedOptions('REST')).toEqual([]);
    const proxy = await ConnectProxy.start();
    const examples = examplesOf('REST');
    expect(examples).toHaveLength(2);
    for (const example of examples) {
      expect(issuesOf(example, strictGuard())).toBe('');
      const endpoint = `http://127.0.0.1:${harness.plainPort}/`;
      const local = {
        ...example,
        endpoint,
        ...('proxy' in example ? { proxy: `http://127.0.0.1:${proxy.port}` } : {}),
      };
      expect(await send(local)).toMatchObject({ kind: 'delivered' });
    }
    expect(proxy.asked).toHaveLength(1);
    await proxy.stop();
  });
});
