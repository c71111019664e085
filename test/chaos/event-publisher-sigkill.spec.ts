import { Api, must } from '../support/api';
import { EventListener } from '../support/event-listener';
import { eventually } from '../support/eventually';
import { OwnBroker } from '../support/own-broker';
import { type TestService } from '../support/service';
import { TcpProxy } from '../support/tcp-proxy';
import { type Chaos } from './harness/chaos';
import { fault, type Outcome } from './harness/fault';

/** Events that a process holds; of one that was killed, those that it held when it died. */
async function heldBy(chaos: Chaos, { pid }: TestService): Promise<string[]> {
  const rows = await chaos.rows<{ id: string }>(
    `SELECT id FROM distribution_callbacks
     WHERE status = 'pending' AND channel = 'events'
       AND leased_by = (SELECT id FROM nodes WHERE pid = $1 ORDER BY started_at DESC LIMIT 1)`,
    [pid],
  );
  return rows.map(({ id }) => id);
}

/** Until the broker's confirm of each of these events is recorded; all of the tenants' where none are given. */
const told = (chaos: Chaos, events?: string[]): Promise<void> =>
  eventually({ until: 'the events to be published', withinMs: 60_000, everyMs: 50 }, async () => {
    const untold = `FROM distribution_callbacks WHERE status <> 'delivered' AND ($1::uuid[] IS NULL OR id = ANY ($1))`;
    expect(await chaos.count(untold, [events ?? null])).toBe(0);
  });

/** The event of each job, as the database and as the listener have it. */
async function expectEachHeard(chaos: Chaos, listener: EventListener): Promise<void> {
  const stored = await chaos.rows<{ job: string; event: string }>(
    `SELECT j.distribution_id AS job, c.id AS event FROM distribution_jobs j
     LEFT JOIN distribution_callbacks c ON c.tenant_id = j.tenant_id AND c.distribution_job_id = j.id`,
  );
  const heard = new Set(
    listener.heard.map(
      ({ body, properties }) => `${String(body['distribution_id'])} ${properties.messageId}`,
    ),
  );
  expect([...heard].sort()).toEqual(stored.map(({ job, event }) => `${job} ${event}`).sort());
}

async function scenario(chaos: Chaos): Promise<Outcome> {
  const broker = await OwnBroker.start();
  chaos.atEnd(() => broker.dispose());
  const direct = new URL(broker.url);
  const wire = await TcpProxy.to(direct.hostname, Number(direct.port));
  chaos.atEnd(() => wire.cut());
  const wired = new URL(broker.url);
  wired.port = String(wire.port);
  await chaos.open();
  const api = await chaos.start({ ROLE: 'api', AMQP_URL: broker.url });
  await chaos.start({ ROLE: 'scheduler' });
  const worker = await chaos.start({ ROLE: 'worker', AMQP_URL: wired.href });
  const tenant = await chaos.tenant('telling');
  const config = { outcome_events: ['distribution.completed'] };
  const platform = new Api(() => api.url, api.adminKey);
  must(await platform.json('PATCH', `/api/v1/tenants/${tenant.id}`, { config }), 200);
  const listener = await EventListener.bind(broker.url, 'listener', `*.*.${tenant.id}`);
  chaos.atEnd(() => listener.close());
  await chaos.destination(tenant, 'archive');
  const jobs = chaos.scaled(150, 1000);

  let [recoverySeconds, held] = [0, 0];
  const kills = chaos.scaled(2, 6);
  for (let kill = 1; kill <= kills; kill++) {
    const options = { tenant, jobs, destinations: ['archive'], perSecond: 50 };
    const load = chaos.load({ ...options, prefix: `kill-${kill}` });
    await listener.reaches(listener.ids.size + chaos.random.between(10, 40));
    // From here on it publishes and hears of no confirm, so that it dies in between.
    wire.isSilent = true;
    await listener.take();
    await listener.reaches(listener.ids.size + chaos.random.between(5, 20));
    await worker.kill();
    const killed = performance.now();
    wire.isSilent = false;
    const orphans = await heldBy(chaos, worker);
    expect(orphans).not.toEqual([]);
    held += orphans.length;
    await worker.start();
    await told(chaos, orphans);
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - killed) / 1000);
    await load.done;
    await chaos.settled();
    await told(chaos);
    await listener.reaches(jobs * kill);
  }
  await expectEachHeard(chaos, listener);

  const repeats = listener.heard.length - listener.ids.size;
  expect(repeats).toBeGreaterThan(0);
  expect(repeats).toBeLessThanOrEqual(held);
  return { recoverySeconds, figures: { events_held_at_kills: held, events_heard_again: repeats } };
}

fault(
  'event-publisher-sigkill',
  'a worker killed before it hears that its events were taken loses none: they come again under the same id',
  scenario,
);
