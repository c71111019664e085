import { eventually } from '../support/eventually';
import { metric } from '../support/prometheus';
import { slow } from '../support/receiver';
import { type TestService } from '../support/service';
import { LEASE_SECONDS } from './harness/chaos';
import { fault } from './harness/fault';

/** As many deliveries may a worker have in its hands. */
const CONCURRENCY = 32;

const refusedBy = async ({ url }: TestService): Promise<number> =>
  (await metric(url, 'zenia_distribution_fenced_outcomes_total')) ?? 0;

fault(
  'worker-stall',
  'a worker that wakes after its leases have ended writes no second history',
  async (chaos) => {
    await chaos.open();
    await chaos.start({ ROLE: 'api' });
    const env = {
      ROLE: 'worker',
      WORKER_CONCURRENCY: String(CONCURRENCY),
      LEASE_SECONDS: String(LEASE_SECONDS),
    };
    const workers = await Promise.all([chaos.start(env), chaos.start(env)]);
    const tenant = await chaos.tenant('stall');
    for (const name of ['quick', 'slow'])
      await chaos.destination(tenant, name, slow(name === 'quick' ? 0 : 100));
    const jobs = chaos.scaled(150, 2000);
    const load = chaos.load({ tenant, jobs, destinations: ['quick', 'slow'] });

    let [recoverySeconds, held] = [0, 0];
    const stalls = chaos.scaled(2, 6);
    for (let stall = 1; stall <= stalls; stall++) {
      const least = Math.floor((jobs * 2 * stall) / (stalls + 3));
      await chaos.ledger.reaches(least + chaos.random.between(0, Math.floor(jobs / (stalls + 3))));
      const stalled = chaos.random.pick(workers);
      const before = await refusedBy(stalled);
      stalled.signal('SIGSTOP');
      const stopped = performance.now();
      const orphans = await chaos.leasedBy(stalled);
      held += orphans.length;
      await chaos.madeAgain(orphans, (LEASE_SECONDS + 30) * 1000);
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - stopped) / 1000);

      stalled.signal('SIGCONT');
      if (orphans.length === 0) continue;
      await eventually({ until: 'late outcomes to be refused' }, async () => {
        expect(await refusedBy(stalled)).toBeGreaterThan(before);
      });
    }
    await load.done;
    await chaos.settled();

    expect(held).toBeGreaterThan(0);
    // What it held, and what a claim has taken for it that was under way at the stall: it sends that when it wakes.
    expect(chaos.ledger.repeats()).toBeLessThanOrEqual(stalls * CONCURRENCY);
    const refused = (await Promise.all(workers.map(refusedBy))).reduce((sum, count) => sum + count, 0);
    return { recoverySeconds, figures: { held_at_stalls: held, outcomes_refused: refused } };
  },
);
