import { randomBytes } from 'node:crypto';
import { Api, must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { PASSWORD, Person } from '../support/person';
import { TestService } from '../support/service';
import { World } from '../support/world';

const ADMIN_PASSWORD = 'the first administrator';

let world: World;
let other: TestService;
let tenant: TestTenant;
let platform: Api;

beforeAll(async () => {
  const env = {
    ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
    // Tests come from many addresses: through a proxy on this machine.
    TRUSTED_PROXIES: '127.0.0.1',
    BOOTSTRAP_ADMIN_USER: 'root',
    BOOTSTRAP_ADMIN_PASSWORD: ADMIN_PASSWORD,
  };
  world = await World.create(env);
  other = await TestService.start({ databaseUrl: world.database.url, env: { ...env, ROLE: 'api' } });
  tenant = await world.tenant('comune-pisa');
  platform = new Api(world.service.url, world.service.adminKey);
});

afterAll(async () => {
  await other.dispose();
  await world.dispose();
});

const newUser = (username: string, more: Reply = {}): Reply => ({
  username,
  email: `${username}@example.org`,
  password: PASSWORD,
  role: 'operator',
  ...more,
});

async function create(username: string, more: Reply = {}): Promise<string> {
  return String(
    must(await tenant.api.json('POST', '/api/v1/users', newUser(username, more)), 201).body['id'],
  );
}

async function signedIn(username: string, more: Reply = {}): Promise<{ person: Person; id: string }> {
  const id = await create(username, more);
  const person = new Person(world.service.url, tenant.id, username);
  must(await person.signIn(), 200);
  return { person, id };
}

const patch = (id: string, change: Reply) => tenant.api.json('PATCH', `/api/v1/users/${id}`, change);

describe('signing in', () => {
  it('gives an access token with the rights of the role, and a cookie that scripts cannot read', async () => {
    await create('anna');
    const anna = new Person(world.service.url, tenant.id, 'anna');
    const { body } = must(await anna.signIn(), 200);
    expect(body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 600,
      user: { tenant_id: tenant.id, username: 'anna', role: 'operator' },
    });
    expect(JSON.stringify(body)).not.toContain(anna.cookie.split('=')[1]);
    expect(anna.setCookie).toMatch(/; Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict$/);
    expect((await anna.me()).body).toMatchObject({
      actor: 'user:anna',
      tenant_id: tenant.id,
      scopes: ['distribution:read', 'config:read', 'distribution:submit', 'distribution:manage'],
      user: { username: 'anna', email: 'anna@example.org' },
    });
    expect((await anna.send('GET', '/api/v1/destinations/list')).status).toBe(200);
    expect((await anna.send('GET', '/api/v1/users')).status).toBe(403);
    expect((await anna.at(other.url).me()).status).toBe(200);
  });

  it('takes the e-mail address as well, and marks the cookie as secure behind https', async () => {
    await create('bruno');
    const bruno = new Person(world.service.url, tenant.id, 'Bruno@Example.org');
    const body = { tenant_id: tenant.id, username: bruno.username, password: PASSWORD };
    const answer = await bruno.send('POST', '/api/v1/auth/login', body, { 'x-forwarded-proto': 'https' });
    expect(answer.status).toBe(200);
    expect(answer.headers.getSetCookie()[0]).toMatch(/; Secure$/);
  });

  it('is refused alike for a wrong password, a wrong tenant, an unknown and a disabled user', async () => {
    const id = await create('carla');
    const gone = await create('gone', { status: undefined });
    must(await patch(gone, { status: 'disabled' }), 200);
    expect(id).not.toBe(gone);
    const answers = await Promise.all([
      new Person(world.service.url, tenant.id, 'carla', '192.0.2.10').signIn('wrong password'),
      new Person(world.service.url, tenant.id, 'nobody', '192.0.2.11').signIn(),
      new Person(world.service.url, tenant.id, 'gone', '192.0.2.12').signIn(),
      new Person(world.service.url, 'another-tenant', 'carla', '192.0.2.13').signIn(),
      new Person(world.service.url, null, 'carla', '192.0.2.14').signIn(),
    ]);
    const seen = answers.map(({ status, body: { request_id: _id, timestamp: _time, ...rest } }) => ({
      status,
      ...rest,
    }));
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(seen[0]).toMatchObject({ status: 401, error: 'AUTHENTICATION_FAILED' });
  });

  it('takes as long for an unknown user as for a wrong password', async () => {
    await create('dario');
    const times = { known: [] as number[], unknown: [] as number[] };
    for (let round = 0; round < 4; round++) {
      for (const [kind, name] of [
        ['known', 'dario'],
        ['unknown', `nobody-${round}`],
      ] as const) {
        const person = new Person(world.service.url, tenant.id, name, `192.0.2.${20 + round}`);
        const begun = performance.now();
        expect((await person.signIn('wrong password')).status).toBe(401);
        times[kind].push(performance.now() - begun);
      }
    }
    // Without the hash an unknown user would be answered in a tenth of the time; the machine may be busy.
    expect(Math.min(...times.unknown)).toBeGreaterThan(Math.min(...times.known) / 3);
  });

  it('has to wait after five failures, whether there is such a user or not, even with the right password', async () => {
    await create('elena');
    for (const name of ['elena', 'no-such-user']) {
      const guess = (): Promise<Reply> =>
        new Person(world.service.url, tenant.id, name, `2001:db8::${name.length}`)
          .signIn('wrong password')
          .then(({ status }) => ({ status }));
      const statuses = [];
      for (let tries = 0; tries < 6; tries++) statuses.push((await guess())['status']);
      expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    }
    const elena = new Person(other.url, tenant.id, 'elena', '192.0.2.40');
    const answer = await elena.signIn();
    expect(answer.status).toBe(429);
    expect(answer.body).toMatchObject({ error: 'RATE_LIMIT_EXCEEDED' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.body['retry_after_seconds']).toBe(Number(answer.headers.get('retry-after')));
    await world.rows(`UPDATE sign_in_failures SET locked_until = now()`);
    must(await elena.signIn(), 200);
    // The right password has wiped the slate clean.
    expect((await elena.at().signIn('wrong password')).status).toBe(401);
  });

  it('has to wait from one address after many failures, whoever is named; not from another', async () => {
    await create('fabio');
    const from = (name: string, last: number): Person =>
      new Person(world.service.url, tenant.id, name, `2001:db8:0:1::${last}`);
    const guesses = Array.from({ length: 30 }, (_, index) => from(`guess-${index}`, index + 1));
    const statuses = [];
    for (const guess of guesses) statuses.push((await guess.signIn('wrong password')).status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.slice(20)).toEqual(Array(10).fill(429));
    expect((await from('fabio', 99).signIn()).status).toBe(429);
    must(await new Person(world.service.url, tenant.id, 'fabio', '192.0.2.50').signIn(), 200);
  });

  it('leaves no password, and no name that was typed, in log or database', async () => {
    const secret = 'typed-by-mistake-into-the-wrong-field';
    await new Person(world.service.url, tenant.id, secret, '192.0.2.60').signIn(secret);
    expect(JSON.stringify(world.service.logs)).not.toContain(secret);
    for (const table of ['users', 'user_sessions', 'sign_in_failures', 'audit_log']) {
      expect(await world.count(`FROM ${table} t WHERE t::text LIKE '%' || $1 || '%'`, [secret])).toBe(0);
      expect(await world.count(`FROM ${table} t WHERE t::text LIKE '%' || $1 || '%'`, [PASSWORD])).toBe(0);
    }
  });
});

describe('a session', () => {
  it('goes on with a new refresh token each time', async () => {
    const { person } = await signedIn('gina');
    const first = person.cookie;
    must(await person.refresh(), 200);
    expect(person.cookie).not.toBe(first);
    must(await person.refresh(), 200);
    must(await person.me(), 200);
  });

  it('survives two tabs that refresh at the same moment', async () => {
    const { person } = await signedIn('hugo');
    const tabs = [person.at(), person.at()];
    const answers = await Promise.all(tabs.map((tab) => tab.refresh()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    // One got the new cookie, the other none: the browser has the new one.
    const given = answers.flatMap(({ headers }) => headers.getSetCookie());
    expect(given).toHaveLength(1);
    const [winner] = tabs.filter(({ setCookie }) => setCookie !== '');
    must(await (winner as Person).refresh(), 200);
  });

  it('ends, for the thief and for the user, when a refresh token is used a second time', async () => {
    const { person, id } = await signedIn('ivan');
    const thief = person.at(other.url);
    must(await person.refresh(), 200);
    await world.rows(
      `UPDATE user_sessions SET rotated_at = now() - interval '11 seconds' WHERE user_id = $1`,
      [id],
    );
    must(await thief.refresh(), 401);
    must(await person.refresh(), 401);
    await eventually({ until: 'the access token to be refused' }, async () => {
      must(await person.me(), 401);
    });
    const audited = `FROM audit_log WHERE resource_id = $1 AND action = 'revoke'`;
    expect(await world.count(audited, [id])).toBe(1);
    expect(other.logs.some(({ msg }) => msg.includes('a refresh token was used twice'))).toBe(true);
  });

  it('ends with sign-out: cookie, refresh token and access token', async () => {
    const { person } = await signedIn('julia');
    const copy = person.at();
    const answer = await person.send('POST', '/api/v1/auth/logout');
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^distributor_refresh=; Max-Age=0; Path=\/api\/v1\/auth;/,
    );
    must(await copy.refresh(), 401);
    must(await copy.me(), 401);
  });

  it.each(['', 'nonsense', `${'0'.repeat(36)}.${'a'.repeat(43)}`, '01890000-0000-7000-8000-000000000000.x'])(
    'is not continued by the refresh token "%s"',
    async (token) => {
      const nobody = new Person(world.service.url, tenant.id, 'nobody');
      nobody.cookie = `distributor_refresh=${token}`;
      must(await nobody.refresh(), 401);
    },
  );

  it('ends when it was not used for long, and after a week in any case', async () => {
    for (const [name, column] of [
      ['karl', 'rotated_at'],
      ['lena', 'created_at'],
    ] as const) {
      const { person, id } = await signedIn(name);
      const long = column === 'rotated_at' ? '13 hours' : '8 days';
      // created_at must not fall before the user's own, or another rule would end it.
      await world.rows(`UPDATE users SET sessions_valid_from = '-infinity' WHERE id = $1`, [id]);
      await world.rows(`UPDATE user_sessions SET ${column} = now() - $2::interval WHERE user_id = $1`, [
        id,
        long,
      ]);
      must(await person.refresh(), 401);
    }
  });

  it.each<[string, (id: string) => Promise<{ status: number }>]>([
    ['disabled', (id) => patch(id, { status: 'disabled' })],
    ['given another password', (id) => patch(id, { password: 'another long password' })],
    ['deleted', (id) => tenant.api.send('DELETE', `/api/v1/users/${id}`)],
  ])('ends at once when its user is %s, in every process', async (what, change) => {
    const { person, id } = await signedIn(`out-${what.split(' ')[0] ?? ''}`);
    const elsewhere = person.at(other.url);
    must(await elsewhere.me(), 200);
    expect((await change(id)).status).toBeLessThan(300);
    must(await person.me(), 401);
    await eventually({ until: 'the other process to notice' }, async () => {
      must(await elsewhere.me(), 401);
    });
    must(await person.refresh(), 401);
  });

  it('has new rights at once when its user gets another role', async () => {
    const { person, id } = await signedIn('mario');
    must(await person.send('GET', '/api/v1/api-keys'), 403);
    must(await patch(id, { role: 'tenant_admin' }), 200);
    must(await person.send('GET', '/api/v1/api-keys'), 200);
    must(await patch(id, { role: 'viewer' }), 200);
    must(await person.send('GET', '/api/v1/api-keys'), 403);
  });

  it('ends when its tenant becomes inactive', async () => {
    const { id, api } = await world.tenant('comune-arezzo');
    must(await api.json('POST', '/api/v1/users', newUser('nora')), 201);
    const nora = new Person(world.service.url, id, 'nora');
    must(await nora.signIn(), 200);
    must(await platform.send('DELETE', `/api/v1/tenants/${id}`), 200);
    must(await nora.me(), 401);
    must(await nora.refresh(), 401);
    must(await nora.signIn(), 401);
  });
});

describe('the own password', () => {
  it('is changed with the current one, and every other session ends', async () => {
    const { person } = await signedIn('olga');
    const elsewhere = new Person(world.service.url, tenant.id, 'olga');
    must(await elsewhere.signIn(), 200);
    must(await person.changePassword('not the current one', 'a new long password'), 400);
    must(await person.changePassword(PASSWORD, 'short'), 400);
    must(await person.changePassword(PASSWORD, 'a new long password'), 200);
    must(await person.me(), 200);
    must(await person.refresh(), 200);
    must(await elsewhere.me(), 401);
    must(await elsewhere.refresh(), 401);
    must(await elsewhere.signIn(), 401);
    must(await elsewhere.signIn('a new long password'), 200);
  });

  it('is nothing that a key has', async () => {
    const body = { current_password: PASSWORD, new_password: 'a new long password' };
    must(await tenant.api.json('POST', '/api/v1/auth/password', body), 403);
  });
});

describe('users', () => {
  it('are administered by those who may, and shown without their passwords', async () => {
    const id = await create('paolo');
    const { body } = must(await tenant.api.get<Reply>(`/api/v1/users/${id}`), 200);
    expect(body).toMatchObject({
      id,
      tenant_id: tenant.id,
      username: 'paolo',
      status: 'active',
      created_by: 'key:tests',
    });
    expect(JSON.stringify(body)).not.toContain('argon2');
    const stored = await world.rows<{ password_hash: string }>(
      'SELECT password_hash FROM users WHERE id = $1',
      [id],
    );
    expect(stored[0]?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    must(await tenant.api.send('DELETE', `/api/v1/users/${id}`), 204);
    must(await tenant.api.get(`/api/v1/users/${id}`), 404);
    const actions = await world.rows(
      'SELECT action, details FROM audit_log WHERE resource_id = $1 ORDER BY id',
      [id],
    );
    expect(actions.map((row) => (row as { action: string }).action)).toEqual(['create', 'delete']);
    expect(JSON.stringify(actions)).not.toMatch(/argon2|correct horse/);
  });

  it.each([
    ['a name that is taken', { username: 'taken', email: null }, 409, 'username'],
    ['an address that is taken', { username: 'free', email: 'TAKEN@example.org' }, 409, 'email'],
    ['a name with capitals', { username: 'Taken' }, 400, 'username'],
    ['a name that looks like an address', { username: 'a@example.org' }, 400, 'username'],
    ['a short password', { username: 'short', password: 'elevenchars' }, 400, 'password'],
    ['the role of the platform', { username: 'root2', role: 'platform_admin' }, 400, 'role'],
    ['a field that is unknown', { username: 'more', tenant_id: 'another' }, 400, 'tenant_id'],
  ])('are refused with %s', async (_name, more, status, field) => {
    await tenant.api.json('POST', '/api/v1/users', newUser('taken'));
    const { body } = must(await tenant.api.json('POST', '/api/v1/users', newUser('x', more)), status);
    expect(body['details']).toMatchObject({ field });
  });

  it('cannot lock themselves out, nor take over who may more', async () => {
    const { person, id } = await signedIn('rita', { role: 'tenant_admin' });
    must(await person.send('PATCH', `/api/v1/users/${id}`, { role: 'viewer' }), 409);
    must(await person.send('DELETE', `/api/v1/users/${id}`), 409);
    const { key } = await tenant.api.createKey('people-only', ['tenant:admin']);
    const weak = new Api(world.service.url, String(key));
    must(await weak.json('PATCH', `/api/v1/users/${id}`, { password: 'taken over by a weak key' }), 403);
    must(await weak.send('DELETE', `/api/v1/users/${id}`), 403);
  });

  it('of the platform come first from the environment, and make tenants and their users', async () => {
    const root = new Person(world.service.url, null, 'root');
    must(await root.signIn(ADMIN_PASSWORD), 200);
    expect((await root.me()).body).toMatchObject({ tenant_id: null, scopes: ['platform:admin'] });
    must(await root.send('POST', '/api/v1/tenants', { id: 'comune-massa', name: 'Massa' }), 201);
    const header = { 'x-tenant-id': 'comune-massa' };
    must(await root.send('POST', '/api/v1/users', newUser('sara'), header), 201);
    must(await new Person(world.service.url, 'comune-massa', 'sara').signIn(), 200);
    must(await root.send('POST', '/api/v1/users', newUser('sergio', { role: 'viewer' })), 400);
    must(await root.send('POST', '/api/v1/users', newUser('second', { role: 'platform_admin' })), 201);
    const { body } = must(await root.send('GET', '/api/v1/users'), 200);
    expect((body['users'] as Reply[]).map(({ username }) => username)).toEqual(['root', 'second']);
    must(await root.changePassword(ADMIN_PASSWORD, 'another for the first'), 200);
    await other.stop();
    await other.start();
    // A start makes the user where it is missing, and does not set its password again.
    must(await root.at(other.url).signIn(ADMIN_PASSWORD), 401);
  });
});
