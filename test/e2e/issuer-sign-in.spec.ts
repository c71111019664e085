import { randomBytes } from 'node:crypto';
import { type JWTPayload } from 'jose';
import { must, type Reply, type TestTenant } from '../support/api';
import { type Fault, OidcIssuer } from '../support/oidc-issuer';
import { PASSWORD, Person } from '../support/person';
import { securityFigure } from '../support/security-figures';
import { World } from '../support/world';

const START = '/api/v1/auth/oidc/start';
const CALLBACK = '/api/v1/auth/oidc/callback';
/** Where the issuer leads the browser; the test goes to the service's real address instead. */
const PUBLIC_URL = 'https://distributor.example.org';

let issuer: OidcIssuer;
let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  issuer = await OidcIssuer.start();
  issuer.redirectUri = `${PUBLIC_URL}${CALLBACK}`;
  world = await World.create({
    ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
    TRUSTED_PROXIES: '127.0.0.1',
    OIDC_ISSUER: issuer.url,
    OIDC_CLIENT_ID: issuer.clientId,
    OIDC_CLIENT_SECRET: issuer.clientSecret,
    OIDC_REDIRECT_URL: issuer.redirectUri,
    OIDC_RETURN_URL: '/console',
  });
  tenant = await world.tenant('comune-prato');
});

afterAll(async () => {
  await world.dispose();
  await issuer.stop();
});

beforeEach(() => {
  issuer.fault = {};
  issuer.refusals.length = 0;
});

const person = (email: string, more: object = {}) => ({ email, email_verified: true, ...more });

async function user(username: string, more: Reply = {}): Promise<string> {
  const body = { username, email: `${username}@example.org`, password: PASSWORD, role: 'operator', ...more };
  return String(must(await tenant.api.json('POST', '/api/v1/users', body), 201).body['id']);
}

let addresses = 0;

/** A browser that follows nothing by itself; each has an address of its own. */
class Browser {
  cookies = new Map<string, string>();
  setCookies: string[] = [];
  private readonly address = `192.0.2.${++addresses}`;

  async get(url: string): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { cookie, 'x-forwarded-for': this.address, 'x-forwarded-proto': 'https' };
    const answer = await fetch(url, { redirect: 'manual', headers });
    this.setCookies = answer.headers.getSetCookie();
    for (const set of this.setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  /** To the issuer and as far as its answer: the address of our callback. */
  async asFarAsTheIssuer(query = `?tenant_id=${tenant.id}`): Promise<string> {
    const begun = await this.get(`${world.service.url}${START}${query}`);
    expect(begun.status).toBe(302);
    const there = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' });
    expect(issuer.refusals).toEqual([]);
    return (there.headers.get('location') ?? '').replace(PUBLIC_URL, world.service.url);
  }

  async signIn(query?: string): Promise<Response> {
    return this.get(await this.asFarAsTheIssuer(query));
  }
}

const messageOf = async (answer: Response): Promise<string> =>
  String(((await answer.json()) as Reply)['message']);

describe('signing in at the issuer', () => {
  it('gives an existing user the session that a password gives', async () => {
    const id = await user('anna');
    issuer.person = person('Anna@Example.org');
    const browser = new Browser();
    const back = await browser.asFarAsTheIssuer();
    expect(browser.setCookies).toEqual([
      expect.stringMatching(
        /^distributor_oidc=v1\.\S+; Max-Age=600; Path=\/api\/v1\/auth\/oidc; HttpOnly; SameSite=Lax; Secure$/,
      ),
    ]);
    const answer = await browser.get(back);
    expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({
      status: 302,
      to: '/console',
    });
    expect([...browser.cookies.keys()]).toEqual(['distributor_refresh']);
    expect(browser.setCookies.at(-1)).toMatch(/; Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict; Secure$/);

    const anna = new Person(world.service.url, tenant.id, 'anna');
    anna.cookie = `distributor_refresh=${browser.cookies.get('distributor_refresh')}`;
    must(await anna.refresh(), 200);
    expect((await anna.me()).body).toMatchObject({ actor: 'user:anna', tenant_id: tenant.id, user: { id } });
    const { body } = await tenant.api.get('/api/v1/audit-log?action=sign_in');
    expect(body['entries']).toMatchObject([{ actor: 'user:anna', details: { issuer: issuer.url } }]);
  });

  it('is for one tenant: the same address elsewhere is somebody else, and the platform has its own', async () => {
    await user('bruno');
    await world.tenant('comune-lodi');
    issuer.person = person('bruno@example.org');
    for (const query of ['?tenant_id=comune-lodi', '?tenant_id=nobody', '']) {
      const answer = await new Browser().signIn(query);
      expect({ query, status: answer.status }).toEqual({ query, status: 401 });
      expect(await messageOf(answer)).toContain('no user here');
    }
    const entered = await new Browser().signIn();
    expect(entered.status).toBe(302);
  });

  it('makes nobody a user, and lets no disabled one in', async () => {
    issuer.person = person('stranger@example.org');
    expect((await new Browser().signIn()).status).toBe(401);
    expect(await world.count(`FROM users WHERE email = 'stranger@example.org'`)).toBe(0);
    const id = await user('carla');
    must(await tenant.api.json('PATCH', `/api/v1/users/${id}`, { status: 'disabled' }), 200);
    issuer.person = person('carla@example.org');
    expect((await new Browser().signIn()).status).toBe(401);
  });

  it('waits where the user has to wait after wrong passwords', async () => {
    await user('dario');
    const guesser = new Person(world.service.url, tenant.id, 'dario', '198.51.100.7');
    for (let guess = 0; guess < 5; guess++)
      expect((await guesser.signIn('a wrong password')).status).toBe(401);
    issuer.person = person('dario@example.org');
    const answer = await new Browser().signIn();
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('what the issuer, or somebody in its place, says', () => {
  beforeAll(() => user('elena'));

  const elena = person('elena@example.org');

  it.each<[string, JWTPayload, Fault]>([
    ['an address that is not verified', { ...elena, email_verified: false }, {}],
    ['an address of which nobody says that it is verified', { email: elena.email }, {}],
    ['no address', { email_verified: true }, {}],
    ['another nonce', elena, { claims: { nonce: 'of-another-sign-in' } }],
    ['another issuer', elena, { claims: { iss: 'https://issuer.example.org' } }],
    ['another audience', elena, { claims: { aud: 'another-client' } }],
    ['another authorized party', elena, { claims: { aud: ['console', 'other'], azp: 'other' } }],
    ['an end that has passed', elena, { claims: { exp: 1_700_000_000 } }],
    ['the signature of a stranger', elena, { stranger: true }],
    ['no signature', elena, { none: true }],
  ])('is refused with %s', async (_what, claims, fault) => {
    issuer.person = claims;
    issuer.fault = fault;
    const browser = new Browser();
    const answer = await browser.signIn();
    expect(answer.status).toBe(401);
    expect(await messageOf(answer)).toContain('did not vouch');
    expect(browser.cookies.size).toBe(0);
    securityFigure('forged_tokens_refused', 1);
  });

  it('counts in the browser that began it, once, and with its own state', async () => {
    issuer.person = elena;
    const [mine, hers] = [new Browser(), new Browser()];
    const back = await mine.asFarAsTheIssuer();
    await hers.asFarAsTheIssuer();
    expect((await hers.get(back)).status).toBe(401);
    expect((await new Browser().get(back)).status).toBe(401);
    const again = mine.cookies.get('distributor_oidc') ?? '';
    expect((await mine.get(back)).status).toBe(302);
    mine.cookies.set('distributor_oidc', again);
    // The issuer takes a code once.
    expect((await mine.get(back)).status).toBe(401);
    expect(issuer.refusals).toEqual(['token: code,redirect,verifier']);
    securityFigure('forged_tokens_refused', 3);
  });

  it.each([
    ['a code that it did not give', (url: URL) => url.searchParams.set('code', 'guessed')],
    ['no code, but an error', (url: URL) => url.searchParams.delete('code')],
    ['another issuer’s name', (url: URL) => url.searchParams.set('iss', 'https://issuer.example.org')],
    ['another state', (url: URL) => url.searchParams.set('state', 'ò'.repeat(43))],
  ])('is refused with %s', async (_what, change) => {
    issuer.person = elena;
    const browser = new Browser();
    const back = new URL(await browser.asFarAsTheIssuer());
    change(back);
    expect((await browser.get(back.href)).status).toBe(401);
  });
});
