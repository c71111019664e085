import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { type JWK, type JWTPayload } from 'jose';
import { Api, must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { Issuer } from '../support/issuer';
import { securityFigure } from '../support/security-figures';
import { TestService } from '../support/service';
import { World } from '../support/world';

const SECRET = randomBytes(32).toString('base64');
const ISSUER = 'https://issuer.example.org';
const AUDIENCE = 'distributor';
const ME = '/api/v1/auth/me';

let issuer: Issuer;
let rsa: JWK;
let world: World;
let tenant: TestTenant;
let other: TestService;

beforeAll(async () => {
  issuer = await Issuer.start();
  rsa = await issuer.addKey('rsa-1', 'RS256');
  await issuer.addKey('ec-1', 'ES256');
  const env = {
    JWT_SECRET_KEY: SECRET,
    JWT_JWKS_URL: issuer.url,
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
  };
  world = await World.create(env);
  other = await TestService.start({ databaseUrl: world.database.url, env: { ...env, ROLE: 'api' } });
  tenant = await world.tenant('comune-siena');
});

afterAll(async () => {
  await other.dispose();
  await world.dispose();
  await issuer.stop();
});

const now = (): number => Math.floor(Date.now() / 1000);
const claims = (more: JWTPayload = {}): JWTPayload => ({
  sub: 'upstream',
  iss: ISSUER,
  aud: AUDIENCE,
  tenant_id: tenant.id,
  scope: 'config:read distribution:read',
  exp: now() + 300,
  ...more,
});

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** By hand, so that headers and claims may be such as no library makes. */
function hs(payload: unknown, header: object = {}, key: string | Buffer = SECRET): string {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(payload)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

const bearer = (token: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${world.service.url}${ME}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
const keyed = (service: TestService, key: string): Promise<Response> =>
  fetch(`${service.url}${ME}`, { headers: { 'x-api-key': key } });

describe('a token that is right', () => {
  it.each([
    ['HS256', () => Promise.resolve(hs(claims()))],
    ['RS256', () => issuer.token('rsa-1', claims())],
    ['ES256', () => issuer.token('ec-1', claims())],
    ['several audiences', () => Promise.resolve(hs(claims({ aud: ['else', AUDIENCE] })))],
    ['a clock that is a little ahead', () => Promise.resolve(hs(claims({ nbf: now() + 5 })))],
  ])('lets its bearer in: %s', async (_name, make) => {
    const answer = await bearer(await make());
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 200,
      body: {
        actor: 'token:upstream',
        tenant_id: tenant.id,
        scopes: ['config:read', 'distribution:read'],
        user: null,
      },
    });
  });

  it('grants the scopes that it names and no others', async () => {
    const api = new Api(world.service.url, '', { authorization: `Bearer ${hs(claims())}` });
    const headers = { authorization: `Bearer ${hs(claims())}` };
    expect((await fetch(`${world.service.url}/api/v1/destinations/list`, { headers })).status).toBe(200);
    expect((await fetch(`${world.service.url}/api/v1/users`, { headers })).status).toBe(403);
    expect((await api.get('/api/v1/destinations/list')).status).toBe(401);
  });

  it('does not reach beyond its tenant, whatever its scopes', async () => {
    const token = hs(claims({ scope: 'platform:admin config:read' }));
    expect(await (await bearer(token)).json()).toMatchObject({ scopes: ['config:read'] });
    expect((await bearer(token, { 'x-tenant-id': 'another' })).status).toBe(403);
  });

  it('of the platform names the tenant in a header', async () => {
    const token = hs({ ...claims({ scope: 'platform:admin' }), tenant_id: undefined });
    expect(await (await bearer(token, { 'x-tenant-id': tenant.id })).json()).toMatchObject({
      tenant_id: tenant.id,
    });
  });

  it('with a name longer than history has room for keeps its bearer apart from others', async () => {
    const [one, two] = await Promise.all(
      ['a', 'b'].map(
        async (end) => (await (await bearer(hs(claims({ sub: 'x'.repeat(200) + end })))).json()) as Reply,
      ),
    );
    expect(one?.['actor']).not.toBe(two?.['actor']);
    expect(String(one?.['actor']).length).toBeLessThan(200);
  });

  it('is refused while its tenant is inactive, and looks on while it is suspended', async () => {
    const { id, api } = await world.tenant('comune-lucca');
    const token = hs(claims({ tenant_id: id, scope: 'distribution:submit distribution:read' }));
    const admin = new Api(world.service.url, world.service.adminKey);
    must(await admin.json('PATCH', `/api/v1/tenants/${id}`, { status: 'suspended' }), 200);
    expect((await bearer(token)).status).toBe(200);
    must(await admin.json('PATCH', `/api/v1/tenants/${id}`, { status: 'inactive' }), 200);
    expect((await bearer(token)).status).toBe(401);
    expect((await api.get(ME)).status).toBe(401);
  });
});

describe('a forged token', () => {
  /** Every way in which a token is not to be believed; the names say what is wrong. */
  async function forgeries(): Promise<Record<string, string>> {
    const good = hs(claims());
    const [head = '', body = '', signature = ''] = good.split('.');
    const pem = createPublicKey({ key: rsa as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const der = createPublicKey({ key: rsa as never, format: 'jwk' }).export({ type: 'spki', format: 'der' });
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const own = stranger.publicKey.export({ format: 'jwk' });
    const byStranger = (header: object, payload: unknown = claims()): string => {
      const signed = `${encode({ alg: 'RS256', ...header })}.${encode(payload)}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), stranger.privateKey).toString('base64url')}`;
    };
    const without = (name: string): string => hs({ ...claims(), [name]: undefined });
    return {
      'no algorithm': `${encode({ alg: 'none' })}.${body}.`,
      'no algorithm, in capitals': `${encode({ alg: 'NONE' })}.${body}.`,
      'no algorithm, with the signature of another': `${encode({ alg: 'none' })}.${body}.${signature}`,
      'no header': `.${body}.${signature}`,
      'no signature': `${head}.${body}.`,
      'no parts': 'token',
      'two parts': `${head}.${body}`,
      'five parts': `${head}.${body}.${signature}.x.y`,
      'a changed body': `${head}.${encode(claims({ scope: 'tenant:admin' }))}.${signature}`,
      'a changed header': `${encode({ alg: 'HS256', typ: 'at+jwt' })}.${body}.${signature}`,
      'another secret': hs(claims(), {}, 'another-secret-of-thirty-two-bytes!'),
      'an empty secret': hs(claims(), {}, ''),
      'HS256 with the RSA key as PEM': hs(claims(), {}, String(pem)),
      'HS256 with the RSA key as PEM, without its last newline': hs(claims(), {}, String(pem).trim()),
      'HS256 with the RSA key as DER': hs(claims(), {}, der),
      'HS256 with the modulus': hs(claims(), { kid: 'rsa-1' }, Buffer.from(String(rsa.n), 'base64url')),
      'HS256 with the JWK': hs(claims(), { kid: 'rsa-1' }, JSON.stringify(rsa)),
      'HS384 with the secret': hs(claims(), { alg: 'HS384' }),
      'HS512 with the secret': hs(claims(), { alg: 'HS512' }),
      'RS256 said of an HMAC': hs(claims(), { alg: 'RS256', kid: 'rsa-1' }),
      'ES256 said of an HMAC': hs(claims(), { alg: 'ES256', kid: 'ec-1' }),
      'PS256 with the right key': await issuer.token('rsa-1', claims()).then((token) => {
        const [, payload = '', mark = ''] = token.split('.');
        return `${encode({ alg: 'PS256', kid: 'rsa-1' })}.${payload}.${mark}`;
      }),
      'the RSA signature under the name of the EC key': (await issuer.token('rsa-1', claims())).replace(
        /^[^.]+/,
        encode({ alg: 'ES256', kid: 'ec-1' }),
      ),
      'a zero ECDSA signature': `${encode({ alg: 'ES256', kid: 'ec-1' })}.${body}.${Buffer.alloc(64).toString('base64url')}`,
      'the key of a stranger': byStranger({ kid: 'rsa-1' }),
      'the key of a stranger, brought along': byStranger({ jwk: own }),
      'the key of a stranger, at an address': byStranger({ jku: 'http://127.0.0.1:1/jwks', kid: 'x' }),
      'a certificate at an address': byStranger({ x5u: 'http://127.0.0.1:1/cert', kid: 'rsa-1' }),
      'a key id that is a path': byStranger({ kid: '../../../../dev/null' }),
      'a key id that is SQL': byStranger({ kid: `' UNION SELECT 'x` }),
      'a key id that is no text': byStranger({ kid: { $ne: null } }),
      'a key id called __proto__': byStranger({ kid: '__proto__' }),
      'the key id of our own sessions': hs(claims({ sid: tenant.id }), { kid: 'distributor-session' }),
      'an empty path as HMAC key': hs(claims(), { kid: '/dev/null' }, '\0'),
      'a critical extension': hs(claims(), { crit: ['x'], x: 1 }),
      'an unencoded payload': hs(claims(), { crit: ['b64'], b64: false }),
      'a header that is a list': `${encode([{ alg: 'HS256' }])}.${body}.${signature}`,
      'an algorithm that is a list': hs(claims(), { alg: ['HS256'] }),
      'no expiry': without('exp'),
      'an expiry that is text': hs({ ...claims(), exp: String(now() + 300) }),
      'an expiry in the past': hs(claims({ exp: now() - 60 })),
      'not valid yet': hs(claims({ nbf: now() + 60 })),
      'a start that is text': hs({ ...claims(), nbf: 'yesterday' }),
      'another issuer': hs(claims({ iss: 'https://evil.example.org' })),
      'no issuer': without('iss'),
      'another audience': hs(claims({ aud: 'another' })),
      'no audience': without('aud'),
      'no subject': without('sub'),
      'an empty subject': hs(claims({ sub: '' })),
      'a subject with a line break': hs(claims({ sub: 'a\nb' })),
      'a subject with NUL': hs(claims({ sub: 'a\0b' })),
      'no tenant and not of the platform': hs({ ...claims(), tenant_id: undefined }),
      'a tenant that does not exist': hs(claims({ tenant_id: 'ghost' })),
      'a tenant that is a list': hs(claims({ tenant_id: [tenant.id, 'another'] })),
      'a tenant that is SQL': hs(claims({ tenant_id: `' OR 1=1 --` })),
      'scopes that are a list': hs(claims({ scope: ['platform:admin'] })),
      'claims that are a list': hs([claims()]),
      'claims that are no JSON': hs('').replace(/\.[^.]+\./, '.e30x.'),
      'more than 8 KB': hs(claims({ more: 'x'.repeat(8000) })),
      'a signature with something behind it': `${good}AA`,
      'a signature of half its length': good.slice(0, -20),
      'a NUL in the signature': `${head}.${body}.${Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.alloc(1)]).toString('base64url')}`,
      'an API key of the wrong form': 'zk_0123456789ABCDEF0123456789ABCDEF',
    };
  }

  it('is refused, whatever it is that is wrong, and always in the same words', async () => {
    const forged = Object.entries(await forgeries());
    const believed: string[] = [];
    const words = new Set<string>();
    for (const [name, token] of forged) {
      const answer = await bearer(token);
      if (answer.status !== 401) believed.push(`${name}: ${answer.status}`);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      words.add(((await answer.json()) as { message: string }).message);
    }
    expect(believed).toEqual([]);
    expect([...words]).toEqual(['the API key or token is not valid']);
    expect(forged.length).toBeGreaterThan(55);
    securityFigure('forged_tokens_refused', forged.length);
  });
});

describe('the keys of an issuer', () => {
  it('are asked for again when a token names a new one, once for many tokens', async () => {
    await bearer(await issuer.token('rsa-1', claims({ jti: 'warm' })));
    await issuer.addKey('rsa-2', 'RS256');
    const tokens = await Promise.all(
      Array.from({ length: 5 }, (_, index) => issuer.token('rsa-2', claims({ jti: String(index) }))),
    );
    // The forgeries above have used the cool-down; another process has not been asked by them.
    const before = issuer.asked;
    const answers = await Promise.all(
      tokens.map((token) => fetch(`${other.url}${ME}`, { headers: { authorization: `Bearer ${token}` } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(issuer.asked - before).toBe(1);
  });

  it('stay in use while the issuer cannot be reached, and are not asked for at every unknown id', async () => {
    issuer.answers = false;
    try {
      const before = issuer.asked;
      const header = { kid: 'invented' };
      for (let tries = 0; tries < 5; tries++) {
        expect((await bearer(await issuer.token('rsa-1', claims(), header))).status).toBe(401);
      }
      expect((await bearer(await issuer.token('ec-1', claims({ jti: 'outage' })))).status).toBe(200);
      expect(issuer.asked - before).toBeLessThanOrEqual(1);
    } finally {
      issuer.answers = true;
    }
  });
});

describe('an API key', () => {
  it('is replaced by another while the old one is still valid, and not after', async () => {
    const old = await tenant.api.createKey('rotated', ['distribution:read'], { rate_limit_requests: 7 });
    const path = `/api/v1/api-keys/${String(old['id'])}/rotate`;
    const { body } = must(await tenant.api.json('POST', path, { overlap_seconds: 3600 }), 201);
    expect(body).toMatchObject({
      name: 'rotated',
      scopes: ['distribution:read'],
      rate_limit_requests: 7,
      expires_at: null,
    });
    expect(body['key']).toMatch(/^zk_[0-9a-f]{32}$/);
    for (const key of [old['key'], body['key']]) {
      expect((await keyed(world.service, String(key))).status).toBe(200);
      expect((await keyed(other, String(key))).status).toBe(200);
    }
    const again = must(await tenant.api.json('POST', path, { overlap_seconds: 0 }), 201);
    expect((await keyed(world.service, String(old['key']))).status).toBe(401);
    expect((await keyed(world.service, String(again.body['key']))).status).toBe(200);
    await eventually({ until: 'the other process to notice' }, async () => {
      expect((await keyed(other, String(old['key']))).status).toBe(401);
    });
    must(await tenant.api.json('POST', path, {}), 409);
    const actions = await world.rows(
      'SELECT action FROM audit_log WHERE resource_id = ANY ($1) ORDER BY id',
      [[old['id'], body['id'], again.body['id']]],
    );
    expect(actions).toEqual([{ action: 'create' }, { action: 'rotate' }, { action: 'rotate' }]);
  });

  it('is out at once when revoked, and within two seconds in other processes', async () => {
    const { id, key } = await tenant.api.createKey('revoked', ['distribution:read']);
    expect((await keyed(other, String(key))).status).toBe(200);
    must(await tenant.api.send('DELETE', `/api/v1/api-keys/${String(id)}`), 200);
    expect((await keyed(world.service, String(key))).status).toBe(401);
    await eventually({ until: 'the other process to notice' }, async () => {
      expect((await keyed(other, String(key))).status).toBe(401);
    });
    must(await tenant.api.json('POST', `/api/v1/api-keys/${String(id)}/rotate`, {}), 409);
  });

  it('grants no scope that its maker lacks, by a new key or by rotating one', async () => {
    const strong = await tenant.api.createKey('strong', ['distribution:submit']);
    const { key } = await tenant.api.createKey('weak-admin', ['tenant:admin', 'config:read']);
    const weak = new Api(world.service.url, String(key));
    expect((await weak.createKeyAnswer('mine', ['config:read'])).status).toBe(201);
    const { body } = must(await weak.createKeyAnswer('mine', ['config:read', 'distribution:submit']), 403);
    expect(body['details']).toMatchObject({ field: 'scopes' });
    must(await weak.json('POST', `/api/v1/api-keys/${String(strong['id'])}/rotate`, {}), 403);
    must(await weak.json('POST', '/api/v1/users', person('helper', 'viewer')), 403);
  });

  it('says when it was last used, without being written at every request', async () => {
    const { id, key } = await tenant.api.createKey('used', ['distribution:read']);
    const lastUse = async (): Promise<unknown> => {
      const [row] = await world.rows<{ last_used_at: Date | null }>(
        'SELECT last_used_at FROM api_keys WHERE id = $1',
        [id],
      );
      return row?.last_used_at?.toISOString();
    };
    expect(await lastUse()).toBeUndefined();
    await keyed(world.service, String(key));
    const first = await eventually({ until: 'the use to be noted' }, async () => {
      const noted = await lastUse();
      expect(noted).toBeDefined();
      return noted;
    });
    await keyed(other, String(key));
    await keyed(world.service, String(key));
    expect(await lastUse()).toBe(first);
  });
});

const person = (username: string, role: string): Reply => ({
  username,
  password: 'a password of some length',
  role,
});
