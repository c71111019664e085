import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { ok, refuse, verifySignatures } from '../support/receiver';
import { World } from '../support/world';

const SECRET = 'token-that-nobody-may-see-77c1';

let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  world = await World.create({ DESTINATION_HEALTH_CHECK_INTERVAL: '60' });
  tenant = await world.tenant('comune-udine');
});

afterAll(() => world.dispose());

/** A receiver that can be down: nobody listens on its port, and it returns to the same one. */
class Flaky {
  private server: Server | undefined;
  port = 0;
  deliveries = 0;
  checks = 0;

  async up(): Promise<string> {
    this.server = createServer((request, response) => {
      request.resume().on('end', () => {
        if (request.method === 'HEAD') this.checks++;
        else this.deliveries++;
        response.end();
      });
    });
    const { server } = this;
    await new Promise<void>((resolve) => void server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.port}/`;
  }

  async down(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise<void>((resolve) => void this.server?.close(() => resolve()));
  }
}

const health = async (name: string, query = ''): Promise<Reply> =>
  must(await tenant.api.get(`/api/v1/destinations/${name}/health${query}`), 200).body;

/** Until it stands so; the time to the next check passes by the database's clock. */
const standing = (name: string, status: string): Promise<Reply> =>
  eventually({ until: `${name} to be ${status}` }, async () => {
    await world.rows(
      `UPDATE destination_health_states s SET due_at = now() FROM destinations d
       WHERE d.id = s.destination_id AND d.name = $1 AND s.due_at > now() + interval '1 second'
         AND d.last_health_check IS NOT NULL`,
      [name],
    );
    const seen = await health(name);
    expect(seen['health_status']).toBe(status);
    return seen;
  });

const tested = (name: string, body: object) =>
  tenant.api.json('POST', `/api/v1/destinations/${name}/test`, body);

async function settled(id: string): Promise<Reply> {
  return eventually({ until: `${id} to end` }, async () => {
    const { body } = must(await tenant.api.status(id), 200);
    expect(['completed', 'failed']).toContain(body.status);
    return body;
  });
}

describe('scheduled checks', () => {
  it('take traffic off a destination that is down, by a rule’s fallback, and back when it returns', async () => {
    const flaky = new Flaky();
    await tenant.api.register('primary', { endpoint: await flaky.up() });
    await tenant.api.register('spare', { endpoint: world.receiver.on('/spare', ok) });
    const actions = { destinations: ['primary'], fallback: ['spare'] };
    const rule = { name: 'to-primary', rule_type: 'routing', conditions: { data_type: ['routed'] }, actions };
    must(await tenant.api.json('POST', '/api/v1/rules', rule), 201);
    const sentTo = async (): Promise<unknown> => {
      const id = await tenant.api.accepted({ data_type: 'routed', destinations: [] });
      const { destinations } = await settled(id);
      return (destinations as Reply[]).map(({ name }) => name);
    };

    await standing('primary', 'healthy');
    expect(await sentTo()).toEqual(['primary']);
    await flaky.down();
    const down = await standing('primary', 'unhealthy');
    expect(down).toMatchObject({ error_code: 'CONNECTION_FAILED', since: expect.any(String) as string });
    await eventually({ until: 'the fallback' }, async () => expect(await sentTo()).toEqual(['spare']));
    await flaky.up();
    await standing('primary', 'healthy');
    await eventually({ until: 'the way back' }, async () => expect(await sentTo()).toEqual(['primary']));
    await flaky.down();
  });

  it('leave a history that is read page by page, with the uptime', async () => {
    await eventually({ until: 'five entries' }, async () => {
      expect((await health('primary'))['history']).toHaveProperty('length', expect.any(Number));
      expect(((await health('primary'))['history'] as Reply[]).length).toBeGreaterThanOrEqual(5);
    });
    const first = await health('primary', '?limit=2');
    expect(first['history']).toHaveLength(2);
    const second = await health('primary', `?limit=2&cursor=${String(first['next_cursor'])}`);
    const times = [...(first['history'] as Reply[]), ...(second['history'] as Reply[])].map((one) =>
      Date.parse(String(one['checked_at'])),
    );
    expect(times).toEqual([...times].sort((a, b) => b - a));
    const { ratio, checks } = first['uptime'] as { ratio: number; checks: number };
    expect(checks).toBeGreaterThanOrEqual(5);
    expect(ratio).toBeGreaterThan(0);
    expect(ratio).toBeLessThan(1);
    must(await tenant.api.get('/api/v1/destinations/primary/health?cursor=nonsense'), 400);
    must(await tenant.api.get('/api/v1/destinations/nobody/health'), 404);
  });

  it('ask the endpoint of the check where one is given, and refuse one that lies inside', async () => {
    const endpoint = `${world.receiver.url}/`;
    const own = { endpoint: `http://127.0.0.1:1/`, interval_seconds: 5, timeout_seconds: 2 };
    await tenant.api.register('looked-at-elsewhere', { endpoint }, { health_check: own });
    await standing('looked-at-elsewhere', 'unhealthy');
    const refused = await tenant.api.json('POST', '/api/v1/destinations/register', {
      name: 'inside',
      protocol: 'REST',
      configuration: { endpoint },
      health_check: { endpoint: 'http://169.254.169.254/latest' },
    });
    expect(JSON.stringify(must(refused, 400).body)).toContain('health_check.endpoint');
  });

  it('leave out what is not in use', async () => {
    const flaky = new Flaky();
    await tenant.api.register('resting', { endpoint: await flaky.up() }, { status: 'inactive' });
    await eventually({ until: 'it to be put aside' }, async () => {
      expect((await health('resting'))['next_check_at']).toBeNull();
    });
    expect(flaky.checks).toBe(0);
    must(await tenant.api.patchDestination('resting', { status: 'active' }), 200);
    await standing('resting', 'healthy');
    expect(flaky.checks).toBeGreaterThan(0);
    await flaky.down();
  });
});

describe('deliveries', () => {
  it('mark a destination unhealthy by a run of faults, and healthy by a success', async () => {
    // Its own check looks at something else that is there.
    const health_check = { endpoint: `${world.receiver.url}/alive`, interval_seconds: 86_400 };
    const endpoint = world.receiver.on('/overloaded', refuse(503));
    await tenant.api.register('overloaded', { endpoint }, { health_check });
    await standing('overloaded', 'healthy');
    const options = { max_retries: 0 };
    for (let n = 0; n < 5; n++) {
      await settled(await tenant.api.accepted({ destinations: ['overloaded'], options }));
    }
    const { history } = await eventually({ until: 'the deliveries to show' }, async () => {
      const seen = await health('overloaded');
      expect((seen['history'] as Reply[]).map(({ source }) => source)).toContain('delivery');
      return seen;
    });
    expect((history as Reply[]).find(({ source }) => source === 'delivery')).toMatchObject({
      status: 'unhealthy',
      error_code: 'RECEIVER_UNAVAILABLE',
    });
    world.receiver.on('/overloaded', ok);
    // So many faults have opened the breaker too.
    must(await tenant.api.send('POST', '/api/v1/destinations/overloaded/breaker/reset'), 200);
    await settled(await tenant.api.accepted({ destinations: ['overloaded'], options }));
    await eventually({ until: 'the success to show' }, async () => {
      expect((await health('overloaded'))['health_status']).toBe('healthy');
    });
  });
});

describe('a test of a destination', () => {
  it('connects without an effect, and with send delivers a signed sample through its transform', async () => {
    const endpoint = world.receiver.on('/tried', ok);
    const transform = { engine: 'field_mapping', spec: { 'data.total': 'total_count' } };
    const more = { transform_config: transform };
    await tenant.api.register('tried', { endpoint, auth: { type: 'bearer', token: SECRET } }, more);
    const jobs = await world.count('FROM distribution_jobs');
    const looked = must(await tenant.api.send('POST', '/api/v1/destinations/tried/test'), 200).body;
    expect(looked).toMatchObject({ sent: false, outcome: 'healthy', error_code: null });
    expect(world.receiver.at('/tried')).toHaveLength(0);

    const sent = must(await tested('tried', { send: true, payload: { data: { total: 7 } } }), 200).body;
    expect(sent).toMatchObject({
      sent: true,
      outcome: 'delivered',
      request: { content_type: 'application/json', body: JSON.stringify({ total_count: 7 }) },
      response: { status: 200 },
    });
    expect(JSON.stringify(sent)).not.toContain(SECRET);
    const [receipt] = world.receiver.at('/tried');
    if (receipt === undefined) throw new Error('not received');
    verifySignatures(receipt, tenant.signingSecret);
    expect(await world.count('FROM distribution_jobs')).toBe(jobs);
    expect(await world.count(`FROM audit_log WHERE action = 'test'`)).toBe(2);
  });

  it('tells an answer as it was, and 502 where there was none', async () => {
    await tenant.api.register('picky', { endpoint: world.receiver.on('/picky', refuse(422)) });
    expect(must(await tested('picky', { send: true }), 200).body).toMatchObject({
      outcome: 'refused',
      error_code: 'RECEIVER_REFUSED',
      response: { status: 422 },
    });
    await tenant.api.register('nowhere', { endpoint: 'http://127.0.0.1:1/' });
    for (const body of [{}, { send: true }]) {
      const { error, details } = must(await tested('nowhere', body), 502).body;
      expect(error).toBe('DESTINATION_UNAVAILABLE');
      expect(JSON.stringify(details)).toContain('CONNECTION_FAILED');
    }
    const broken = { transform_config: { engine: 'jsonata', spec: '$error("no")' } };
    await tenant.api.register('broken', { endpoint: `${world.receiver.url}/broken` }, broken);
    must(await tested('broken', { send: true }), 422);
    must(await tested('nobody', {}), 404);
  });

  it('works before anything is registered, under the same checks', async () => {
    const body = { name: 'draft', protocol: 'REST', send: true };
    const trial = (endpoint: string) =>
      tenant.api.json('POST', '/api/v1/destinations/test', { ...body, configuration: { endpoint } });
    const endpoint = world.receiver.on('/draft', ok);
    expect(must(await trial(endpoint), 200).body).toMatchObject({ name: 'draft', outcome: 'delivered' });
    must(await trial('http://10.0.0.1/'), 400);
    must(await trial('http://127.0.0.1:1/'), 502);
    must(await tenant.api.get('/api/v1/destinations/draft'), 404);
  });
});
