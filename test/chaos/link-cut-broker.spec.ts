import { eventually } from '../support/eventually';
import { OwnBroker } from '../support/own-broker';
import { createDatabase } from '../support/postgres';
import { type TestService } from '../support/service';
import { type Chaos } from './harness/chaos';
import { type Outcome } from './harness/fault';
import { faultBetweenHosts, Host, HOSTS_NETWORK, Network } from './harness/hosts';
import { Publishing } from './harness/publishing';

/** Until the process says of itself that the broker is there, or is not. */
const brokerIs = (status: 'healthy' | 'unhealthy', { url, adminKey }: TestService): Promise<void> =>
  eventually({ until: `the broker to be ${status}`, withinMs: 60_000, everyMs: 100 }, async () => {
    const answer = await fetch(`${url}/health/detailed`, { headers: { 'x-api-key': adminKey } });
    expect(await answer.json()).toMatchObject({ checks: { broker: { status } } });
  });

async function scenario(chaos: Chaos): Promise<Outcome> {
  const [inside, around] = [Network.make(chaos, 0), Network.make(chaos, 1)];
  const broker = await OwnBroker.start();
  chaos.atEnd(() => broker.dispose());
  const database = await createDatabase();
  chaos.atEnd(() => database.drop());
  await chaos.open({ url: database.url, served: await around.serve(chaos, database.url, 5432) });
  // A heartbeat that is missed twice ends the connection, on either side.
  const amqpUrl = `${await inside.serve(chaos, broker.url, 5672)}?heartbeat=3`;
  const start = async (number: number): Promise<[Host, TestService]> => {
    const host = Host.make(chaos, number, [inside, around]);
    const env = {
      AMQP_URL: amqpUrl,
      API_HOST: host.addressIn(around),
      DESTINATION_ALLOWED_NETWORKS: HOSTS_NETWORK,
    };
    return [host, await chaos.start(env, { launcher: host.launcher })];
  };
  const [[host, service]] = await Promise.all([start(1), start(2)]);

  const tenant = await chaos.tenant('upstream');
  const receivers = await around.serve(chaos, chaos.receiver.url, 80);
  await chaos.destination(tenant, 'archive', undefined, { endpoint: `${receivers}/upstream/archive` });
  const jobs = chaos.scaled(100, 3000);
  const publish = (prefix: string): Publishing =>
    new Publishing(
      {
        url: () => broker.url,
        tenant,
        jobs,
        destinations: ['archive'],
        copies: 2,
        poisonEvery: jobs,
        prefix,
      },
      chaos.book,
    );

  let recoverySeconds = 0;
  const cuts = chaos.scaled(1, 4);
  for (let cut = 0; cut < cuts; cut++) {
    await brokerIs('healthy', service);
    const publishing = publish(`cut-${cut}`);
    const before = chaos.ledger.count();
    await chaos.ledger.reaches(before + chaos.random.between(5, 30));
    inside.cut(host);
    // What the one has taken and not acknowledged comes to the other one.
    await publishing.done;
    await chaos.ledger.reaches(before + jobs, undefined, 90_000);
    await brokerIs('unhealthy', service);
    inside.mend(host);
    const mended = performance.now();
    await brokerIs('healthy', service);
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - mended) / 1000);
  }
  const before = chaos.ledger.count();
  await publish('mended').done;
  await chaos.ledger.reaches(before + jobs, undefined, 60_000);
  await chaos.settled();
  await chaos.expectAllAlive();
  return { recoverySeconds };
}

faultBetweenHosts(
  'link-cut-broker',
  'a process whose link to the broker is cut notices it, another one takes its messages, and it comes back',
  scenario,
);
