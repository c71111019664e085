import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { hang } from '../support/receiver';
import { TcpProxy } from '../support/tcp-proxy';
import { World } from '../support/world';

let world: World;
let tenant: TestTenant;
let wire: TcpProxy;

beforeAll(async () => {
  world = await World.create({ LEASE_SECONDS: '2' }, async (url) => {
    const { hostname, port } = new URL(url);
    wire = await TcpProxy.to(hostname, Number(port || 5432));
    const through = new URL(url);
    through.hostname = '127.0.0.1';
    through.port = String(wire.port);
    return through.href;
  });
  tenant = await world.tenant('comune-napoli');
  await tenant.api.register('sink', { endpoint: `${world.receiver.url}/sink` });
});

afterAll(async () => {
  await world.dispose();
  await wire.cut();
});

const ready = async (): Promise<number> => (await fetch(`${world.service.url}/health/ready`)).status;

const unavailable = {
  status: 503,
  body: { error: 'SERVICE_UNAVAILABLE', retry_after_seconds: expect.any(Number) as unknown },
};

describe('while the database is away', () => {
  it('refuses with 503 and a time to come back, and goes on by itself when it is back', async () => {
    must(await tenant.api.submit({ destinations: ['sink'] }), 202);
    expect(await ready()).toBe(200);
    const pid = world.service.pid;

    await wire.cut();
    const answers = [
      await tenant.api.submit({ destinations: ['sink'] }),
      await tenant.api.bulk([{ data_type: 'report', payload: {}, destinations: ['sink'] }]),
      await tenant.api.list(),
      await tenant.api.json('POST', '/api/v1/destinations/register', {
        name: 'late',
        protocol: 'REST',
        configuration: { endpoint: world.receiver.url },
      }),
      // What counts failed attempts is away too: nobody signs in uncounted.
      await tenant.api.json('POST', '/api/v1/auth/login', {
        tenant_id: tenant.id,
        username: 'anna',
        password: 'any password at all',
      }),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject(unavailable);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|127\.0\.0\.1|postgres/i);
    }
    expect(await ready()).toBe(503);
    expect((await fetch(`${world.service.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${world.service.url}/metrics`)).status).toBeLessThan(504);

    await wire.mend();
    await eventually({ until: 'readiness' }, async () => expect(await ready()).toBe(200));
    const id = await tenant.api.accepted({ destinations: ['sink'] });
    await eventually({ until: 'the delivery' }, async () => {
      expect((await tenant.api.status(id)).body.status).toBe('completed');
    });
    expect(world.service.pid).toBe(pid);
    expect(await world.count('FROM distribution_jobs')).toBe(2);
    expect(await world.count(`FROM destinations WHERE name = 'late'`)).toBe(0);
  });

  it('keeps the outcome of a delivery until it can be recorded', async () => {
    const { behaviour, release } = hang();
    await tenant.api.register('held', { endpoint: world.receiver.on('/held', behaviour) });
    const id = await tenant.api.accepted({ destinations: ['held'] });
    await world.receiver.received(1, '/held');
    await wire.cut();
    const waiting = world.service.nextLog(({ msg }) => msg === 'outcomes could not be recorded yet');
    release();
    await waiting;
    await wire.mend();
    await eventually({ until: 'the outcome recorded' }, async () => {
      expect((await tenant.api.status(id)).body.status).toBe('completed');
    });
    // Once, or twice where the lease ran out meanwhile; under one id, and once in the history.
    expect(new Set(world.receiver.at('/held').map((receipt) => receipt.id)).size).toBe(1);
    expect((await tenant.api.attempts(id)).body.attempts).toMatchObject([{ status: 'success' }]);
    expectBalanced(await accountsOf(world, tenant.id));
  });
});

describe('when the database ends its sessions', () => {
  it('goes on with new ones', async () => {
    const ids: string[] = [];
    for (let round = 0; round < 5; round++) {
      await world.rows(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'distributor%'`,
      );
      await eventually({ until: 'a submission to be accepted' }, async () => {
        ids.push(await tenant.api.accepted({ destinations: ['sink'] }));
      });
    }
    await eventually({ until: 'all deliveries' }, async () => {
      const completed = await tenant.api.listAll({ status: 'completed', limit: '1000' });
      expect(completed.map(({ distribution_id }) => distribution_id)).toEqual(expect.arrayContaining(ids));
    });
    expectBalanced(await accountsOf(world, tenant.id));
  });
});
