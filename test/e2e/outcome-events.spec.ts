import { CloudEvent } from 'cloudevents';
import { type JsonObject } from '../../src/kernel/json';
import { Api, must, type Reply, type TestTenant } from '../support/api';
import { EventListener, type Heard } from '../support/event-listener';
import { eventually } from '../support/eventually';
import { OwnBroker } from '../support/own-broker';
import { ok, refuse } from '../support/receiver';
import { TestService } from '../support/service';
import { TcpProxy } from '../support/tcp-proxy';
import { World } from '../support/world';

const ALL = ['distribution.completed', 'distribution.failed', 'distribution.cancelled', 'batch.completed'];

// A broker of its own is started twice.
jest.setTimeout(180_000);

let broker: OwnBroker;
let world: World;
let platform: Api;
const listeners: EventListener[] = [];

beforeAll(async () => {
  broker = await OwnBroker.start();
  world = await World.create({ AMQP_URL: broker.url });
  platform = new Api(() => world.service.url, world.service.adminKey);
  world.receiver.on('/takes', ok);
  world.receiver.on('/refuses', refuse(422));
});

afterAll(async () => {
  await Promise.all(listeners.map((listener) => listener.close()));
  await world?.dispose();
  await broker?.dispose();
});

/** A tenant with a destination that takes and one that refuses. */
async function telling(id: string, outcome_events?: string[]): Promise<TestTenant> {
  const tenant = await world.tenant(id);
  for (const name of ['takes', 'refuses']) {
    await tenant.api.register(name, { endpoint: `${world.receiver.url}/${name}` });
  }
  if (outcome_events !== undefined) await configure(id, { outcome_events });
  return tenant;
}

const configure = async (id: string, config: JsonObject): Promise<void> =>
  void must(await platform.json('PATCH', `/api/v1/tenants/${id}`, { config }), 200);

async function listen(id: string, pattern = `*.*.${id}`, options = {}): Promise<EventListener> {
  const listener = await EventListener.bind(broker.url, `listener-${id}`, pattern, options);
  listeners.push(listener);
  return listener;
}

interface Callback extends Reply {
  callback_id: string;
  channel: string;
  status: string;
  attempts: number;
}

async function callbacksOf({ api }: TestTenant, id: string): Promise<Callback[]> {
  const path = `/api/v1/distribution/${id}/callbacks`;
  return must(await api.get<{ callbacks: Callback[] }>(path), 200).body.callbacks;
}

const connected = ({ url }: TestService, key: string): Promise<void> =>
  eventually({ until: 'the service to be connected to the broker', withinMs: 30_000 }, async () => {
    const { checks } = (await new Api(() => url, key).get<Reply & { checks: Reply }>('/health/detailed'))
      .body;
    expect(checks['broker']).toMatchObject({ status: 'healthy' });
  });

/** The one event of a job, once the broker's confirm is recorded. */
const recorded = (tenant: TestTenant, id: string, status = 'delivered'): Promise<Callback> =>
  eventually({ until: `the event of ${id} to be ${status}` }, async () => {
    const [event, ...others] = (await callbacksOf(tenant, id)).filter(({ channel }) => channel === 'events');
    expect(others).toEqual([]);
    expect(event).toMatchObject({ status });
    return event as Callback;
  });

const eventRows = (id: string): Promise<number> =>
  world.count(`FROM distribution_callbacks WHERE tenant_id = $1 AND channel = 'events'`, [id]);

function about(heard: readonly Heard[], id: string): Heard {
  const found = heard.find(({ body }) => (body['distribution_id'] ?? body['batch_id']) === id);
  if (found === undefined) throw new Error(`nothing about ${id}`);
  return found;
}

describe('an outcome event', () => {
  it('is a CloudEvent in binary mode whose body is that of the callback', async () => {
    const roma = await telling('roma', ALL);
    const listener = await listen('roma');
    const id = await roma.api.accepted({ destinations: ['takes'] }, { 'x-request-id': 'asked-by-hand' });
    const [event] = await listener.reaches(1);
    if (event === undefined) throw new Error('no event');
    expect(event.key).toBe('distribution.completed.roma');
    expect(event.body).toMatchObject({
      event_type: 'distribution.completed',
      distribution_id: id,
      tenant_id: 'roma',
      status: 'completed',
      completed_at: expect.any(String) as unknown,
      destinations: [{ name: 'takes', status: 'success', attempts: 1, error_code: null }],
      metrics: { success_rate: 1, total_attempts: 1 },
    });
    const { callback_id } = await recorded(roma, id);
    const { headers = {}, ...properties } = event.properties;
    expect(properties).toMatchObject({
      messageId: callback_id,
      type: 'distribution.completed',
      contentType: 'application/json',
      correlationId: 'asked-by-hand',
      deliveryMode: 2,
    });
    const attributes = Object.entries(headers).map(([name, value]: [string, unknown]) => [
      name.replace('cloudEvents_', ''),
      value,
    ]);
    const cloudEvent = new CloudEvent({ ...(Object.fromEntries(attributes) as object), data: event.body });
    expect(cloudEvent.validate()).toBe(true);
    expect(cloudEvent).toMatchObject({
      id: callback_id,
      source: '/tenants/roma',
      type: 'distribution.completed',
      subject: id,
    });
  });

  it('tells of failures, cancellations, jobs without a destination, and batches', async () => {
    const milano = await telling('milano', ALL);
    const listener = await listen('milano');
    const failed = await milano.api.accepted({ destinations: ['takes', 'refuses'] });
    const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
    const cancelled = await milano.api.accepted({ destinations: ['takes'], options: { deliver_at } });
    must(await milano.api.cancel(cancelled), 200);
    const unmatched = await milano.api.accepted({});
    const job = { data_type: 'report', payload: { a: 1 } };
    const full = await milano.api.bulk([
      { ...job, destinations: ['takes'] },
      { ...job, destinations: ['refuses'] },
    ]);
    const empty = await milano.api.bulk([job]);
    // Three jobs of the batches tell of themselves, too.
    const heard = await listener.reaches(8);
    const keys = (id: string): unknown => [about(heard, id).key, about(heard, id).body['status']];
    expect(keys(failed)).toEqual(['distribution.failed.milano', 'failed']);
    expect(keys(cancelled)).toEqual(['distribution.cancelled.milano', 'cancelled']);
    expect(keys(unmatched)).toEqual(['distribution.completed.milano', 'completed']);
    expect(keys(empty.body.batch_id)).toEqual(['batch.completed.milano', 'completed']);
    expect(about(heard, full.body.batch_id).body).toMatchObject({
      event_type: 'batch.completed',
      summary: { total_distributions: 2, completed_distributions: 1, failed_distributions: 1 },
    });
  });

  it('comes beside the callback, and is listed and sent again with it', async () => {
    const torino = await telling('torino', ALL);
    const listener = await listen('torino');
    const callback_url = world.receiver.on('/callback', ok);
    const id = await torino.api.accepted({ destinations: ['takes'], callback_url });
    await listener.reaches(1);
    const [receipt] = await world.receiver.received(1, '/callback');
    await recorded(torino, id);
    const listed = await callbacksOf(torino, id);
    expect(listed.map(({ channel, callback_url: url }) => [channel, url]).sort()).toEqual([
      ['events', null],
      ['webhook', callback_url],
    ]);
    expect(listener.heard.map(({ properties }) => String(properties.messageId))).not.toContain(receipt?.id);
    const replay = { only_failed: false };
    must(await torino.api.json('POST', `/api/v1/distribution/${id}/callbacks/replay`, replay), 202);
    await world.receiver.received(2, '/callback');
    await eventually({ until: 'the event comes again' }, async () => {
      await listener.take();
      expect(listener.heard).toHaveLength(2);
    });
    expect(listener.ids.size).toBe(1);
  });

  it('is not told unless the tenant asks for its type', async () => {
    const [silent, choosy] = [await telling('silent'), await telling('choosy', ['distribution.failed'])];
    const listener = await listen('choosy');
    for (const { id, api } of [silent, choosy]) {
      const callback_url = world.receiver.on(`/callback-${id}`, ok);
      await api.accepted({ destinations: ['takes'], callback_url });
      await world.receiver.received(1, `/callback-${id}`);
    }
    const failed = await choosy.api.accepted({ destinations: ['refuses'] });
    expect((await listener.reaches(1)).map(({ body }) => body['distribution_id'])).toEqual([failed]);
    expect(await eventRows('silent')).toBe(0);
    expect(await eventRows('choosy')).toBe(1);
    await configure('choosy', { outcome_events: [] });
    const callback_url = `${world.receiver.url}/callback-choosy`;
    await choosy.api.accepted({ destinations: ['refuses'], callback_url });
    await world.receiver.received(2, '/callback-choosy');
    expect(await eventRows('choosy')).toBe(1);
  });

  it('goes out under the routing key of its tenant alone', async () => {
    const [bari, lecce] = [await telling('bari', ALL), await telling('lecce', ALL)];
    const [all, ofBari] = [await listen('everything', '*.*.*'), await listen('bari')];
    const ids = [await bari.api.accepted({}), await lecce.api.accepted({}), await bari.api.accepted({})];
    await eventually({ until: 'all of them are heard' }, async () => {
      await all.take();
      const heard = all.heard.map(({ body }) => String(body['distribution_id']));
      expect(heard).toEqual(expect.arrayContaining(ids));
    });
    for (const { key, body } of all.heard) {
      expect(key).toBe(`${String(body['event_type'])}.${String(body['tenant_id'])}`);
    }
    const heard = (await ofBari.reaches(2)).map(({ body }) => [body['tenant_id'], body['distribution_id']]);
    expect(heard.sort()).toEqual(
      [
        ['bari', ids[0]],
        ['bari', ids[2]],
      ].sort(),
    );
  });

  it('holds neither payload nor secrets', async () => {
    const napoli = await telling('napoli', ALL);
    const listener = await listen('napoli');
    const callback = {
      url: world.receiver.on('/secretive?token=of-the-address', ok),
      headers: { authorization: 'Bearer of-the-callback' },
    };
    const inline = {
      name: 'inline',
      protocol: 'REST',
      endpoint: `${world.receiver.url}/takes?token=of-the-destination`,
      auth: { type: 'bearer', token: 'of-the-receiver' },
    };
    await napoli.api.accepted({ payload: { tax: 'of-the-payload' }, destinations: [inline], callback });
    const [event] = await listener.reaches(1);
    expect(JSON.stringify(event)).toContain('"inline"');
    expect(JSON.stringify(event)).not.toMatch(/of-the-|whsec_|zk_/);
  });

  it('waits where the broker does not take it, and is not given up', async () => {
    const genova = await telling('genova', ALL);
    const full = { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } };
    const listener = await listen('genova', '*.*.genova', full);
    await recorded(genova, await genova.api.accepted({}));
    const second = await genova.api.accepted({});
    await eventually({ until: 'the broker to refuse it once' }, async () => {
      const [event] = await callbacksOf(genova, second);
      expect(event).toMatchObject({ status: 'pending', error_code: 'RECEIVER_UNAVAILABLE' });
    });
    await listener.reaches(1);
    // It goes out now instead of after its back-off.
    must(await genova.api.json('POST', `/api/v1/distribution/${second}/callbacks/replay`, {}), 202);
    await listener.reaches(2);
    expect((await recorded(genova, second)).attempts).toBeGreaterThan(1);
  });
});

describe('a tenant that leaves', () => {
  it('takes its events along, exported and erased', async () => {
    const pisa = await telling('pisa', ALL);
    const id = await pisa.api.accepted({ payload: { person: 'anna' } });
    await recorded(pisa, id);
    const response = await fetch(`${world.service.url}/api/v1/tenants/pisa/export`, {
      headers: { 'x-api-key': platform.key },
    });
    const lines = (await response.text()).trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as Reply);
    expect(records.filter(({ type }) => type === 'callback')).toMatchObject([
      { channel: 'events', callback_url: null, status: 'delivered' },
    ]);
    must(await platform.json('PATCH', '/api/v1/tenants/pisa', { status: 'suspended' }), 200);
    const begun = must(await platform.json('POST', '/api/v1/tenants/pisa/erase', { confirm: 'pisa' }), 202);
    await eventually({ until: 'the erasure to end', withinMs: 30_000 }, async () => {
      const path = `/api/v1/tenants/pisa/erasures/${String(begun.body['erasure_id'])}`;
      expect((await platform.get(path)).body['status']).toBe('completed');
    });
    expect(await eventRows('pisa')).toBe(0);
  });
});

describe('with a process for each role', () => {
  let split: World;
  let lucca: TestTenant;
  let listener: EventListener;

  beforeAll(async () => {
    split = await World.create({ AMQP_URL: broker.url, ROLE: 'api' });
    lucca = await split.tenant('lucca');
    const root = new Api(() => split.service.url, split.service.adminKey);
    must(await root.json('PATCH', '/api/v1/tenants/lucca', { config: { outcome_events: ALL } }), 200);
    listener = await listen('lucca');
  });

  afterAll(() => split?.dispose());

  /** With a worker; it is gone afterwards. */
  async function withWorker(
    env: NodeJS.ProcessEnv,
    work: (worker: TestService) => Promise<void>,
  ): Promise<void> {
    const worker = await TestService.start({
      databaseUrl: split.database.url,
      env: { AMQP_URL: broker.url, ROLE: 'worker', ...env },
      dataDir: split.service.dataDir,
    });
    await work(worker).finally(() => worker.dispose());
  }

  const events = () => split.rows('SELECT status, attempts, leased_by FROM distribution_callbacks');

  it('is published by the worker, and waits for it', async () => {
    const id = await lucca.api.accepted({});
    expect(await events()).toEqual([{ status: 'pending', attempts: 0, leased_by: null }]);
    await withWorker({}, async () => {
      const [event] = await listener.reaches(1);
      expect(event?.body['distribution_id']).toBe(id);
    });
  });

  it('is given back by a worker that stops without a confirm, and another one publishes it at once', async () => {
    const known = (await events()).length;
    const wire = await TcpProxy.to('127.0.0.1', Number(new URL(broker.url).port));
    const wired = new URL(broker.url);
    wired.port = String(wire.port);
    try {
      await withWorker({ AMQP_URL: wired.href, WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: '0' }, async (worker) => {
        await connected(worker, split.service.adminKey);
        wire.isSilent = true;
        await lucca.api.accepted({});
        await listener.reaches(known + 1);
        expect(await worker.stop()).toBe(0);
      });
      expect(await events()).toContainEqual({ status: 'pending', attempts: 0, leased_by: null });
      await withWorker({}, () =>
        eventually({ until: 'the event to be recorded' }, async () => {
          expect(await events()).not.toContainEqual(expect.objectContaining({ status: 'pending' }));
        }),
      );
      await listener.take();
      expect(listener.heard).toHaveLength(known + 2);
      expect(listener.ids.size).toBe(known + 1);
    } finally {
      await wire.cut();
    }
  });
});

describe('a broker that stops', () => {
  it('gets every event when it is back, without spent attempts or lost ones', async () => {
    const siena = await telling('siena', ALL);
    const before = await listen('siena');
    const burst = Array.from({ length: 150 }, () => ({ data_type: 'report', payload: { a: 1 } }));
    const ids = must(await siena.api.bulk(burst), 202).body.distribution_ids;
    await before.reaches(1);
    await before.close();
    await broker.stop();
    await eventually({ until: 'the service to notice' }, async () => {
      const { checks } = (await platform.get<Reply & { checks: Reply }>('/health/detailed')).body;
      expect(checks['broker']).toMatchObject({ status: 'unhealthy' });
    });
    const during = await siena.api.accepted({ destinations: ['takes'] });
    await eventually({ until: 'the job to end' }, async () => {
      expect((await siena.api.status(during)).body.status).toBe('completed');
    });
    const waiting = (await callbacksOf(siena, during))[0];
    expect(waiting).toMatchObject({ channel: 'events', status: 'pending', attempts: 0 });
    const page = await (await fetch(`${world.service.url}/metrics`)).text();
    expect(page).toMatch(/zenia_distribution_callbacks_pending\{channel="events"\} [1-9]/);
    await broker.restart();
    const after = await listen('siena');
    await after.reaches(ids.length + 2 - before.ids.size, 60_000);
    await eventually({ until: 'all are recorded' }, async () => {
      const left = `FROM distribution_callbacks WHERE tenant_id = 'siena' AND status <> 'delivered'`;
      expect(await world.count(left)).toBe(0);
    });
    await after.take();
    const heard = [...before.heard, ...after.heard].map(({ body }) => String(body['distribution_id']));
    expect(heard).toEqual(expect.arrayContaining([...ids, during]));
  });
});
