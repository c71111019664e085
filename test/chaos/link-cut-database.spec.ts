import { eventually } from '../support/eventually';
import { createDatabase } from '../support/postgres';
import { slow } from '../support/receiver';
import { type TestService } from '../support/service';
import { type Chaos, LEASE_SECONDS } from './harness/chaos';
import { type Outcome } from './harness/fault';
import { faultBetweenHosts, Host, HOSTS_NETWORK, Network } from './harness/hosts';

/** As many deliveries may a worker have in its hands. */
const CONCURRENCY = 32;

/** Attempts that this process has made and recorded. */
const recordedBy = (chaos: Chaos, { logs }: TestService): Promise<number> =>
  chaos.count(`FROM distribution_attempts WHERE metadata ->> 'processing_node' = $1`, [
    logs.find(({ msg }) => msg === 'ready')?.['node'],
  ]);

/** Until a session with a statement on it was given up, in what the process has logged from here on. */
const givesUp = ({ logs }: TestService, from: number): Promise<void> =>
  eventually({ until: 'a silent session to be given up', withinMs: 120_000, everyMs: 500 }, () => {
    const codes = logs.slice(from).map(({ err }) => (err as { code?: string } | undefined)?.code);
    expect(codes).toContain('ETIMEDOUT');
  });

async function scenario(chaos: Chaos): Promise<Outcome> {
  const [inside, around] = [Network.make(chaos, 0), Network.make(chaos, 1)];
  const database = await createDatabase();
  chaos.atEnd(() => database.drop());
  const served = await inside.serve(chaos, database.url, 5432);
  await chaos.open({ url: database.url, served });
  await chaos.start({ ROLE: 'api', DESTINATION_ALLOWED_NETWORKS: HOSTS_NETWORK });
  const startWorker = (number: number): [Host, Promise<TestService>] => {
    const host = Host.make(chaos, number, [inside, around]);
    const env = {
      ROLE: 'worker',
      WORKER_CONCURRENCY: String(CONCURRENCY),
      LEASE_SECONDS: String(LEASE_SECONDS),
      API_HOST: host.addressIn(around),
      DESTINATION_ALLOWED_NETWORKS: HOSTS_NETWORK,
    };
    return [host, chaos.start(env, { launcher: host.launcher })];
  };
  const [host, starting] = startWorker(1);
  const [worker] = await Promise.all([starting, startWorker(2)[1]]);

  const tenant = await chaos.tenant('hosts');
  const receivers = await around.serve(chaos, chaos.receiver.url, 80);
  const place = await chaos.destination(tenant, 'slow', slow(100), { endpoint: `${receivers}/hosts/slow` });
  let [recoverySeconds, held] = [0, 0];
  const jobs = chaos.scaled(300, 1000);
  const cuts = chaos.scaled(1, 2);
  for (let cut = 0; cut < cuts; cut++) {
    const load = chaos.load({ tenant, jobs, destinations: ['slow'], prefix: `cut-${cut}` });
    await chaos.ledger.reaches(chaos.ledger.count() + chaos.random.between(30, 60), place);
    await eventually({ until: 'the worker to hold deliveries', withinMs: 30_000 }, async () => {
      expect(await chaos.leasedBy(worker)).not.toEqual([]);
    });
    const logged = worker.logs.length;
    inside.cut(host);
    const orphans = await chaos.leasedBy(worker);
    held += orphans.length;
    await chaos.madeAgain(orphans, (LEASE_SECONDS + 30) * 1000);
    // The other one goes on meanwhile, with what is new as well.
    await load.done;
    await chaos.settled();
    // In the long form until the worker has given up a session, which takes up to a minute.
    if (chaos.isLong) await givesUp(worker, logged);

    const before = await recordedBy(chaos, worker);
    inside.mend(host);
    const mended = performance.now();
    const later = chaos.load({
      tenant,
      jobs: 100_000,
      destinations: ['slow'],
      prefix: `mended-${cut}`,
      perSecond: 40,
    });
    await eventually({ until: 'the worker to deliver again', withinMs: 90_000 }, async () => {
      expect(await recordedBy(chaos, worker)).toBeGreaterThan(before);
    });
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - mended) / 1000);
    await later.stop();
    await chaos.settled();
  }
  // What it held, and what a claim has taken for it that was under way at the cut: its answer comes after the mending.
  expect(chaos.ledger.repeats()).toBeLessThanOrEqual(cuts * CONCURRENCY);
  await chaos.expectAllAlive();
  return { recoverySeconds, figures: { held_at_cuts: held } };
}

faultBetweenHosts(
  'link-cut-database',
  'a worker whose link to the database is cut loses its work to another one, and goes on when it is mended',
  scenario,
);
