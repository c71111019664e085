import { slow } from '../support/receiver';
import { LEASE_SECONDS } from './harness/chaos';
import { fault } from './harness/fault';

fault('worker-sigkill', 'a worker killed in the middle of a batch loses nothing', async (chaos) => {
  await chaos.open();
  await chaos.start({ ROLE: 'api' });
  await chaos.start({ ROLE: 'scheduler' });
  const env = { ROLE: 'worker', WORKER_CONCURRENCY: '32', LEASE_SECONDS: String(LEASE_SECONDS) };
  const workers = await Promise.all([chaos.start(env), chaos.start(env)]);
  const tenant = await chaos.tenant('kill');
  for (const name of ['quick', 'slow', 'slower']) {
    await chaos.destination(tenant, name, slow({ quick: 0, slow: 20, slower: 60 }[name] ?? 0));
  }
  const jobs = chaos.scaled(150, 2000);
  const load = chaos.load({ tenant, jobs, destinations: ['quick', 'slow', 'slower'] });

  let inFlight = 0;
  let recoverySeconds = 0;
  const kills = chaos.scaled(2, 6);
  for (let kill = 1; kill <= kills; kill++) {
    const all = jobs * 3;
    const least = Math.floor((all * kill) / (kills + 2));
    await chaos.ledger.reaches(chaos.random.between(least, least + Math.floor(all / (2 * kills + 4))));
    const victim = chaos.random.pick(workers);
    await victim.kill();
    const killed = performance.now();
    const orphans = await chaos.leasedBy(victim);
    inFlight += orphans.length;
    await chaos.madeAgain(orphans, (LEASE_SECONDS + 30) * 1000);
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - killed) / 1000);
    await victim.start();
  }
  await load.done;
  await chaos.settled();

  expect(chaos.ledger.repeats()).toBeLessThanOrEqual(inFlight);
  return { recoverySeconds, figures: { in_flight_at_kills: inFlight } };
});
