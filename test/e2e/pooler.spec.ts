import { accountsOf, expectBalanced } from '../support/accounts';
import { Api, must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type HelperProcess, startHelper } from '../support/helper-process';
import { failTimes } from '../support/receiver';
import { SqlClient } from '../support/sql-client';
import { TestService } from '../support/service';
import { adminUrl } from '../support/postgres';
import { World } from '../support/world';

let pooler: HelperProcess;
let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  pooler = await startHelper('pgbouncer-service.ts', adminUrl());
  world = await World.create({ DATABASE_POOLER: new URL(pooler.url).host });
  tenant = await world.tenant('pooled');
});

afterAll(async () => {
  await world.dispose();
  await pooler.stop();
});

const statusOf = (id: string, status: string): Promise<void> =>
  eventually({ until: `${id} ${status}`, withinMs: 30_000 }, async () => {
    expect((await tenant.api.status(id)).body.status).toBe(status);
  });

/** Sessions of the service on the server, by what they are for. */
const sessions = (): Promise<{ name: string; sessions: number }[]> =>
  world.rows(
    `SELECT application_name AS name, count(*)::int AS sessions FROM pg_stat_activity
     WHERE datname = $1 AND usename IN ('distributor_app', 'distributor_system') GROUP BY 1 ORDER BY 1`,
    [world.database.name],
  );

describe('a service behind a pooler in transaction mode', () => {
  it('accepts, delivers, repeats, cancels and answers as without one', async () => {
    await tenant.api.register('good', { endpoint: world.receiver.on('/good', failTimes(1)) });
    await tenant.api.register('refuses', {
      endpoint: world.receiver.on('/refuses', () => ({ status: 422 })),
    });
    const options = { idempotency_key: 'once' };
    const job = { destinations: ['good'], callback_url: `${world.receiver.url}/callback`, options };
    const id = await tenant.api.accepted(job);
    expect(must(await tenant.api.submit(job), 200).body.idempotent_replay).toBe(true);
    await statusOf(id, 'completed');
    await world.receiver.received(1, '/callback');
    await statusOf(await tenant.api.accepted({ destinations: ['refuses'] }), 'failed');
    const later = { deliver_at: '2040-01-01T00:00:00Z' };
    const waiting = await tenant.api.accepted({ destinations: ['good'], options: later });
    must(await tenant.api.cancel(waiting), 200);
    await statusOf(waiting, 'cancelled');
    expect(must(await tenant.api.attempts(id), 200).body.attempts).toHaveLength(2);
  });

  it('shares few sessions among many submissions, each tenant seeing its own', async () => {
    const other = await world.tenant('other');
    const all = Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? tenant : other));
    await tenant.api.register('many', { endpoint: `${world.receiver.url}/many` });
    await other.api.register('many', { endpoint: `${world.receiver.url}/many` });
    await Promise.all(
      all.map(({ api, id }, n) => api.accepted({ distribution_id: `${id}-${n}`, destinations: ['many'] })),
    );
    await world.receiver.received(200, '/many', 60_000);
    for (const { api, id } of [tenant, other]) {
      const listed = await api.listAll({ destination: 'many' });
      expect(listed).toHaveLength(100);
      expect(listed.every(({ distribution_id }) => distribution_id.startsWith(`${id}-`))).toBe(true);
    }
    const ended = { until: 'every delivery is recorded', withinMs: 30_000 };
    await eventually(ended, async () => expectBalanced(await accountsOf(world, other.id)));
    const total = (await sessions()).reduce((sum, { sessions: some }) => sum + some, 0);
    // Two for each of two logins, and one that listens.
    expect(total).toBeLessThanOrEqual(5);
  });

  it('hears of what another process, and a client of SQL, left to do', async () => {
    const env = { DATABASE_POOLER: new URL(pooler.url).host, ROLE: 'api' };
    const { dataDir } = world.service;
    const api = await TestService.start({ databaseUrl: world.database.url, dataDir, env });
    const client = await SqlClient.create(world, 'pooled');
    try {
      await tenant.api.register('heard', { endpoint: `${world.receiver.url}/heard` });
      await client.submit({ id: 'by-sql', destinations: ['heard'] });
      await statusOf('by-sql', 'completed');
      const there = new Api(api.url, tenant.api.key);
      await statusOf(await there.accepted({ destinations: ['heard'] }), 'completed');
    } finally {
      await client.dispose();
      await api.dispose();
    }
  });

  it('is refused an address that is none', async () => {
    const env = { DATABASE_POOLER: 'postgres://pgbouncer:6432/' };
    const { code, words } = await TestService.refusal({ databaseUrl: world.database.url, env });
    expect(code).toBe(1);
    expect(words).toContain('DATABASE_POOLER: must be host:port');
  });
});
