import { execFileSync } from 'node:child_process';
import { type JsonObject } from '../../src/kernel/json';
import { type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { OwnBroker } from '../support/own-broker';
import { createDatabase } from '../support/postgres';
import { type TestService } from '../support/service';
import { type Chaos } from './harness/chaos';
import { Consumer } from './harness/consumer';
import { type Outcome } from './harness/fault';
import { faultBetweenHosts, Host, HOSTS_NETWORK, Network } from './harness/hosts';

/** The heartbeat ends the connection, long before the time of an attempt is over; and the other way round. */
const ENDED_BY = {
  heartbeat: { heartbeat_seconds: 2, timeout_seconds: 60 },
  timeout: { heartbeat_seconds: 60, timeout_seconds: 2 },
} as const;
/** Seconds that a machine with much else to do may add. */
const MACHINE_IS_BUSY = 10;
const QUEUES = Object.keys(ENDED_BY) as (keyof typeof ENDED_BY)[];

const retry_policy: JsonObject = { max_attempts: 20, initial_delay_seconds: 0.2, max_backoff_seconds: 2 };

/** Registers a destination for each queue of the broker, as the worker reaches it; gives their places. */
async function queues(chaos: Chaos, tenant: TestTenant, broker: OwnBroker, url: string): Promise<string[]> {
  for (const queue of QUEUES) {
    const place = `${tenant.id}/${queue}`;
    const consumer = new Consumer(broker.url, queue, chaos.ledger, place);
    await consumer.start();
    chaos.atEnd(() => consumer.stop());
    const { heartbeat_seconds, timeout_seconds } = ENDED_BY[queue];
    const connection = { url, heartbeat_seconds };
    const configuration = { connection, routing_key: queue, timeout_seconds, retry_policy };
    await tenant.api.register(queue, configuration, { protocol: 'AMQP' });
  }
  return QUEUES.map((queue) => `${tenant.id}/${queue}`);
}

/** Until attempts have failed for the cut, each in the way of its destination. */
const fails = (chaos: Chaos, since: Date): Promise<void> =>
  eventually(
    { until: 'attempts to end by heartbeat and by time-out', withinMs: 60_000, everyMs: 50 },
    async () => {
      const rows = await chaos.rows(
        `SELECT DISTINCT destination_name, error_code FROM distribution_attempts
       WHERE completed_at > $1 AND error_code IS NOT NULL`,
        [since],
      );
      expect(rows).toEqual(
        expect.arrayContaining([
          { destination_name: 'heartbeat', error_code: 'CONNECTION_FAILED' },
          { destination_name: 'timeout', error_code: 'TIMEOUT' },
        ]),
      );
    },
  );

/** Connections that a process has ended and still holds: TCP goes on for minutes to say so to nobody. */
function endedAndHeld({ launcher }: Host, { pid }: TestService): string[] {
  const [program = '', ...words] = [...launcher, 'ss', '-Htnp', 'state', 'fin-wait-1'];
  const connections = execFileSync(program, words, { encoding: 'utf8' }).split('\n');
  return connections.filter((line) => line.includes(`pid=${pid},`));
}

/** Deliveries whose message came although its attempt had failed for want of a confirm, so that another one was made. */
const cameAgain = ({ ledger }: Chaos, places: string[]): number =>
  places.flatMap((place) => ledger.at(place)).filter(({ arrivals }) => arrivals.length > 1).length;

/** Seconds of the longest attempt. */
async function longestAttempt(chaos: Chaos, destination: string): Promise<number> {
  const [row] = await chaos.rows<{ seconds: number }>(
    `SELECT max(extract(epoch FROM completed_at - started_at))::float8 AS seconds FROM distribution_attempts
     WHERE destination_name = $1`,
    [destination],
  );
  return row?.seconds ?? 0;
}

async function scenario(chaos: Chaos): Promise<Outcome> {
  const [far, around] = [Network.make(chaos, 0), Network.make(chaos, 1)];
  const broker = await OwnBroker.start();
  chaos.atEnd(() => broker.dispose());
  const database = await createDatabase();
  chaos.atEnd(() => database.drop());
  await chaos.open({ url: database.url, served: await around.serve(chaos, database.url, 5432) });
  await chaos.start({ ROLE: 'api', DESTINATION_ALLOWED_NETWORKS: HOSTS_NETWORK });
  const host = Host.make(chaos, 1, [far, around]);
  const worker = await chaos.start(
    {
      ROLE: 'worker',
      API_HOST: host.addressIn(around),
      DESTINATION_ALLOWED_NETWORKS: HOSTS_NETWORK,
      DISTRIBUTION_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: '2',
    },
    { launcher: host.launcher },
  );
  await chaos.start({ ROLE: 'scheduler' });

  const tenant = await chaos.tenant('far');
  const places = await queues(chaos, tenant, broker, await far.serve(chaos, broker.url, 5672));
  const receivers = await around.serve(chaos, chaos.receiver.url, 80);
  const beside = await chaos.destination(tenant, 'beside', undefined, {
    endpoint: `${receivers}/far/beside`,
  });
  const jobs = chaos.scaled(300, 2000);
  const cuts = chaos.scaled(1, 3);
  let recoverySeconds = 0;
  for (let cut = 0; cut < cuts; cut++) {
    const load = chaos.load({
      tenant,
      jobs,
      destinations: [...QUEUES, 'beside'],
      prefix: `cut-${cut}`,
      perSecond: 60,
    });
    const before = places.map((place) => chaos.ledger.count(place));
    const soon = chaos.random.between(20, 60);
    await Promise.all(places.map((place, at) => chaos.ledger.reaches((before[at] ?? 0) + soon, place)));
    const since = new Date();
    far.cut(host);
    await fails(chaos, since);
    // What nobody has cut off goes on.
    await load.done;
    await chaos.ledger.reaches(jobs * (cut + 1), beside);
    expect(endedAndHeld(host, worker)).toEqual([]);
    const during = places.map((place) => chaos.ledger.count(place));
    far.mend(host);
    const mended = performance.now();
    await Promise.all(places.map((place, at) => chaos.ledger.reaches((during[at] ?? 0) + 1, place, 90_000)));
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - mended) / 1000);
    await chaos.settled(120_000);
    await Promise.all(places.map((place) => chaos.ledger.reaches(jobs * (cut + 1), place)));
  }
  expect(await longestAttempt(chaos, 'timeout')).toBeLessThan(
    ENDED_BY.timeout.timeout_seconds + MACHINE_IS_BUSY,
  );
  await chaos.expectAllAlive();
  // The same attempt never comes twice; what had come without a confirm comes again as another attempt.
  expect(chaos.ledger.repeats()).toBe(0);
  return { recoverySeconds, figures: { came_again: cameAgain(chaos, places) } };
}

faultBetweenHosts(
  'link-cut-destination',
  'a broker that is delivered to over a link that is cut gets everything when it is mended, and holds up nobody else',
  scenario,
);
