import { type JsonObject } from '../../src/kernel/json';
import { type Sender } from '../../src/adapters/port';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { createAdapters } from '../../src/adapters/registry';
import { delivery, lenientGuard } from './harness';
import { RestHarness, type RestRequest } from './rest-harness';

const receiver = new RestHarness();
const tokenServer = new RestHarness();
const SECRET = 'client secret/with+signs';

let now = 0;
let sender: Sender;
let issued = 0;
let valid = '';
let reply: JsonObject = {};
let status = 200;

const auth = (more: JsonObject = {}): JsonObject => ({
  type: 'oauth2',
  token_url: `http://127.0.0.1:${tokenServer.plainPort}/token`,
  client_id: 'client:1',
  client_secret: SECRET,
  scopes: ['a', 'b'],
  ...more,
});

function open(more: JsonObject = {}, guard = lenientGuard()): Sender {
  const adapter = createAdapters({ guard, version: '1', now: () => now }).get('REST');
  const parsed = adapter?.parse({ endpoint: `http://127.0.0.1:${receiver.plainPort}/`, auth: auth(more) });
  if (adapter === undefined || parsed?.ok !== true) throw new Error(JSON.stringify(parsed));
  sender = adapter.open(parsed.value);
  return sender;
}

const deliver = (from = sender) => from.deliver(delivery(), AbortSignal.timeout(20_000));

beforeAll(() => Promise.all([receiver.start(), tokenServer.start()]));
afterAll(() => Promise.all([receiver.stop(), tokenServer.stop()]));
beforeEach(() => {
  now = 1_000_000_000;
  issued = 0;
  status = 200;
  reply = { token_type: 'Bearer', expires_in: 3600 };
  tokenServer.answerBy((_request, response) => {
    valid = `token-number-${++issued}`;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? { access_token: valid, ...reply } : reply));
  });
  receiver.answerBy((request, response) => {
    response.writeHead(request.headers.authorization === `Bearer ${valid}` ? 200 : 401);
    response.end(`got ${request.headers.authorization}`);
  });
  receiver.arrivals();
  tokenServer.arrivals();
});
afterEach(() => sender.close());

describe('REST with OAuth 2.0', () => {
  it('asks once for a token, however many deliveries wait for it, and keeps it', async () => {
    open();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => deliver()));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['delivered']));
    await deliver();
    expect(issued).toBe(1);
    const [asked] = tokenServer.arrivals() as [RestRequest];
    expect(asked).toMatchObject({ method: 'POST', body: 'grant_type=client_credentials&scope=a+b' });
    const [user, password] = Buffer.from(String(asked.headers.authorization).slice(6), 'base64')
      .toString()
      .split(':');
    expect([user, password].map((part) => decodeURIComponent(part ?? ''))).toEqual(['client:1', SECRET]);
  });

  it('asks again shortly before the token expires', async () => {
    open();
    await deliver();
    now += (3600 - 31) * 1000;
    await deliver();
    expect(issued).toBe(1);
    now += 2000;
    expect((await deliver()).kind).toBe('delivered');
    expect(issued).toBe(2);
  });

  it('renews a token that was withdrawn, once, within the same attempt', async () => {
    open();
    await deliver();
    valid = 'withdrawn';
    expect((await deliver()).kind).toBe('delivered');
    expect(issued).toBe(2);
    receiver.answerBy((_request, response) => void response.writeHead(401).end());
    receiver.arrivals();
    expect(await deliver()).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
    expect(receiver.arrivals()).toHaveLength(2);
  });

  it('puts the secret into the body where the server wants it there', async () => {
    open({ client_authentication: 'body', audience: 'https://api' });
    await deliver();
    const [asked] = tokenServer.arrivals() as [RestRequest];
    expect(asked.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(asked.body))).toMatchObject({
      client_id: 'client:1',
      client_secret: SECRET,
      audience: 'https://api',
    });
  });

  it.each([
    [401, { error: 'invalid_client', error_description: SECRET }, 'refused', 'AUTHENTICATION_FAILED'],
    [400, { error: SECRET }, 'refused', 'AUTHENTICATION_FAILED'],
    [302, {}, 'refused', 'REDIRECT_REFUSED'],
    [200, { access_token: 'a\r\nb' }, 'refused', 'AUTHENTICATION_FAILED'],
    [503, {}, 'retry', 'RECEIVER_UNAVAILABLE'],
    [429, {}, 'retry', 'RATE_LIMITED'],
  ])('a token server that answers %i %j', async (answered, words, kind, code) => {
    status = answered;
    reply = words;
    const outcome = await deliver(open());
    expect(outcome).toMatchObject({ kind, code, bytesSent: 0 });
    expect(JSON.stringify(outcome)).not.toContain(SECRET);
    expect(receiver.arrivals()).toEqual([]);
  });

  it('does not wait for the token server beyond the signal', async () => {
    tokenServer.behave('never-answer');
    const outcome = await open().deliver(delivery(), AbortSignal.timeout(50));
    expect(outcome).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
  });

  it('asks the guard for the token server too, and hides the token that a receiver repeats', async () => {
    const outcome = await deliver(open());
    expect(outcome.response?.body).toBe('got Bearer [secret]');
    await sender.close();
    const guard = new NetworkGuard(['127.0.0.0/8'], async () => [{ address: '10.0.0.1', family: 4 }]);
    const refused = await deliver(open({ token_url: 'http://inside.test/token' }, guard));
    expect(refused).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN' });
  });

  it('is unhealthy when it gets no token', async () => {
    expect(await open().checkHealth(AbortSignal.timeout(5000))).toMatchObject({ status: 'healthy' });
    await sender.close();
    status = 401;
    const health = await open().checkHealth(AbortSignal.timeout(5000));
    expect(health).toMatchObject({ status: 'unhealthy', code: 'AUTHENTICATION_FAILED' });
  });
});
