import { request } from 'node:http';
import { World } from '../support/world';

const TOKEN = 'a-token-for-the-scraper';
const CONSOLE = 'https://console.example.org';

let world: World;

beforeAll(async () => {
  world = await World.create({
    METRICS_TOKEN: TOKEN,
    CORS_ORIGINS: `${CONSOLE},http://localhost:5173`,
    TRUSTED_PROXIES: '127.0.0.1',
  });
});

afterAll(() => world.dispose());

const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(`${world.service.url}${path}`, { headers, method });

/** As no client of fetch would write it. */
const raw = (path: string): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(world.service.url);
    request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.headers);
    })
      .on('error', reject)
      .end();
  });

describe('every answer', () => {
  it.each([
    '/health/live',
    '/docs',
    '/docs-json',
    '/console/',
    '/api/v1/destinations/list',
    '/api/v1/none',
    '/none',
    '/api/v1/destinations/%E0%A4%A',
  ])('tells browsers to be careful: %s', async (path) => {
    expect(await raw(path)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'") as unknown,
    });
  });

  it('names no product and no version of it', async () => {
    const headers = await raw('/health/live');
    expect([headers['server'], headers['x-powered-by']]).toEqual([undefined, undefined]);
  });

  it('asks for https from then on where it came by https', async () => {
    const secure = await get('/health/live', { 'x-forwarded-proto': 'https' });
    expect(secure.headers.get('strict-transport-security')).toBe('max-age=31536000');
    expect((await get('/health/live')).headers.get('strict-transport-security')).toBeNull();
  });
});

describe('a page of another origin', () => {
  const ask = (origin: string): Promise<Response> =>
    get('/api/v1/destinations/list', { origin, 'access-control-request-method': 'POST' }, 'OPTIONS');

  it('may ask when its origin is listed', async () => {
    const answer = await ask(CONSOLE);
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(CONSOLE);
    expect(answer.headers.get('access-control-allow-headers')).toContain('Authorization');
    const refused = await get('/api/v1/destinations/list', { origin: CONSOLE });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe(CONSOLE);
    expect(refused.headers.get('vary')).toContain('Origin');
  });

  it.each(['https://evil.example.org', `${CONSOLE}.evil.example.org`, 'null', 'http://console.example.org'])(
    'may not when it is not: %s',
    async (origin) => {
      const answer = await ask(origin);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    },
  );
});

describe('metrics', () => {
  it('are for those who have the token, where there is one', async () => {
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/metrics', { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await get('/metrics', { 'x-api-key': world.service.adminKey })).status).toBe(401);
    const answer = await get('/metrics', { authorization: `Bearer ${TOKEN}` });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('zenia_distribution_queue_depth');
  });
});
