import { slow } from '../support/receiver';
import { fault } from './harness/fault';

fault(
  'sigterm-loop',
  'workers restarted one after the other under load record nothing twice',
  async (chaos) => {
    await chaos.open();
    await chaos.start({ ROLE: 'api' });
    const env = { ROLE: 'worker', WORKER_CONCURRENCY: '32' };
    const workers = await Promise.all([chaos.start(env), chaos.start(env)]);
    const tenant = await chaos.tenant('restarts');
    for (const name of ['quick', 'slow']) {
      await chaos.destination(tenant, name, slow(name === 'quick' ? 0 : 50));
    }
    const jobs = chaos.scaled(200, 6000);
    const load = chaos.load({ tenant, jobs, destinations: ['quick', 'slow'], perSecond: 60 });

    let recoverySeconds = 0;
    const restarts = chaos.scaled(3, 20);
    for (let restart = 1; restart <= restarts; restart++) {
      await chaos.ledger.reaches(
        Math.floor((jobs * 2 * restart) / (restarts + 2)) + chaos.random.between(0, 20),
      );
      const stopping = chaos.random.pick(workers);
      const before = performance.now();
      expect(await stopping.stop()).toBe(0);
      expect(await chaos.leasedBy(stopping)).toEqual([]);
      await stopping.start();
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - before) / 1000);
    }
    await load.done;
    await chaos.settled();

    // What is in flight is let finish within the grace time.
    expect(chaos.ledger.repeats()).toBe(0);
    return { recoverySeconds };
  },
);
