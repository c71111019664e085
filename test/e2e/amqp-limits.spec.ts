import { Api, ALL_TENANT_SCOPES, must } from '../support/api';
import { eventually } from '../support/eventually';
import { OwnBroker, Publisher } from '../support/own-broker';
import { TestService } from '../support/service';
import { TcpProxy } from '../support/tcp-proxy';
import { World } from '../support/world';

/** Ten in hand at a time, and forty more for tenants that wait. */
const SMALL = { AMQP_PREFETCH: '10', AMQP_MAX_HELD: '40' };

let broker: OwnBroker;
let database: TcpProxy;
let world: World;
let publisher: Publisher;

beforeAll(async () => {
  broker = await OwnBroker.start();
  world = await World.create({ AMQP_URL: broker.url, ...SMALL }, async (url) => {
    const { hostname, port } = new URL(url);
    database = await TcpProxy.to(hostname, Number(port || 5432));
    const through = new URL(url);
    through.host = `127.0.0.1:${database.port}`;
    return through.toString();
  });
  publisher = await Publisher.connect(broker.url);
});

afterAll(async () => {
  await publisher?.close();
  await world?.dispose();
  await database?.cut();
  await broker?.dispose();
});

/** A tenant with these limits, by its key. */
async function tenant(id: string, limits: object = {}): Promise<Api> {
  const admin = new Api(world.service.url, world.service.adminKey);
  must(await admin.json('POST', '/api/v1/tenants', { id, name: id, ...limits }), 201);
  const own = new Api(world.service.url, world.service.adminKey, { 'x-tenant-id': id });
  const { key } = await own.createKey('tests', ALL_TENANT_SCOPES);
  return new Api(world.service.url, String(key));
}

const publish = (id: string, { key }: Api, messageId: string): Promise<void> =>
  publisher.publish(
    id,
    { data_type: 'report', payload: {}, destinations: [] },
    {
      headers: { 'x-api-key': key },
      messageId,
    },
  );

const jobsOf = (id: string): Promise<number> =>
  world.count('FROM distribution_jobs WHERE tenant_id = $1', [id]);

const stored = (id: string, jobs: number): Promise<void> =>
  eventually({ until: `${jobs} jobs of ${id}`, withinMs: 30_000 }, async () =>
    expect(await jobsOf(id)).toBe(jobs),
  );

it('slows a tenant that is over its limit, in order, and lets the others pass', async () => {
  const slow = await tenant('slow', { rate_limit_requests: 2, rate_limit_window_seconds: 1, burst_limit: 2 });
  const quick = await tenant('quick');
  // More than one window holds: without a further one the other would get in behind the fourteenth of them.
  for (let number = 0; number < 24; number++) await publish('slow', slow, `slow-${number}`);
  await publish('quick', quick, 'quick-1');
  await stored('quick', 1);
  const passed = await jobsOf('slow');
  expect(passed).toBeLessThan(14);
  await stored('slow', 24);
  const rows = await world.rows<{ name: string }>(
    `SELECT distribution_id AS name FROM distribution_jobs WHERE tenant_id = 'slow' ORDER BY created_at, id`,
  );
  expect(rows.map(({ name }) => name)).toEqual(Array.from({ length: 24 }, (_, number) => `slow-${number}`));
  expect(await publisher.takeDead()).toEqual([]);
});

it('acknowledges nothing while the database is away, and goes on when it is back', async () => {
  const api = await tenant('patient');
  await publish('patient', api, 'before');
  await stored('patient', 1);
  const noticed = world.service.nextLog(({ msg }) => msg === 'messages wait; they are tried again');
  await database.cut();
  for (let number = 0; number < 25; number++) await publish('patient', api, `during-${number}`);
  await noticed;
  expect(await jobsOf('patient')).toBe(1);
  await database.mend();
  await stored('patient', 26);
  expect(await publisher.takeDead()).toEqual([]);
});

it('declares the queue anew where it was deleted, and consumes again', async () => {
  const api = await tenant('stubborn');
  await publisher.channel.deleteQueue('zenia.distribution.submit');
  await eventually({ until: 'the queue is consumed again' }, async () => {
    // A channel on which a queue is missing is closed by the broker.
    const look = await publisher.model.createChannel();
    look.on('error', () => undefined);
    const { consumerCount } = await look.checkQueue('zenia.distribution.submit');
    await look.close();
    expect(consumerCount).toBeGreaterThan(0);
  });
  await publish('stubborn', api, 'again');
  await stored('stubborn', 1);
});

it('leaves to others what it holds when it stops', async () => {
  const slow = await tenant('leaving', {
    rate_limit_requests: 1,
    rate_limit_window_seconds: 60,
    burst_limit: 1,
  });
  for (let number = 0; number < 5; number++) await publish('leaving', slow, `leaving-${number}`);
  await stored('leaving', 1);
  expect(await world.service.stop()).toBe(0);
  await eventually({ until: 'the broker has them back' }, async () =>
    expect(await publisher.waiting('zenia.distribution.submit')).toBe(4),
  );
  await world.rows(
    `UPDATE tenants SET rate_limit_requests = 100000, burst_limit = 1000 WHERE id = 'leaving'`,
  );
  const next = await TestService.start({
    databaseUrl: world.database.url,
    dataDir: world.service.dataDir,
    env: { ROLE: 'api', AMQP_URL: broker.url },
  });
  await stored('leaving', 5).finally(() => next.dispose());
});
