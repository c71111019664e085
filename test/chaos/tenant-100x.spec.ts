import { percentile } from '../../bench/load';
import { slow } from '../support/receiver';
import { fault } from './harness/fault';

const PER_SECOND = 10;

fault(
  'tenant-100x',
  'a tenant with a hundred times the load of another leaves that one alone',
  async (chaos) => {
    await chaos.open();
    await chaos.start({ WORKER_CONCURRENCY: '64' });
    const [large, small] = await Promise.all([chaos.tenant('large'), chaos.tenant('small')]);
    for (const name of ['one', 'two']) await chaos.destination(large, name, slow(20));
    const place = await chaos.destination(small, 'own');
    const jobs = chaos.scaled(60, 600);
    const options = { tenant: small, jobs, destinations: ['own'], perSecond: PER_SECOND };

    const quiet = chaos.load({ ...options, prefix: 'quiet' });
    await quiet.done;
    await chaos.ledger.reaches(jobs, place);

    await chaos.bulk(large, chaos.scaled(1000, 30_000), ['one', 'two']);
    const flood = chaos.load({
      tenant: large,
      jobs: 1_000_000,
      destinations: ['one', 'two'],
      submitters: 16,
      perSecond: 100 * PER_SECOND,
      prefix: 'flood',
    });
    const beside = chaos.load({ ...options, prefix: 'beside' });
    await beside.done;
    const over = performance.now();
    await chaos.ledger.reaches(2 * jobs, place);
    const recoverySeconds = (performance.now() - over) / 1000;
    const waiting = await chaos.count(`FROM ready_attempts WHERE tenant_id = 'large'`);
    await flood.stop();
    await chaos.settled(300_000);

    // The small tenant's were all delivered while those of the large one, accepted before them, still waited.
    expect(waiting).toBeGreaterThan(0);
    const [p99Quiet, p99Beside] = [quiet, beside].map((load) =>
      percentile(load.latencies(chaos.ledger, [place]), 0.99),
    ) as [number, number];
    return {
      recoverySeconds,
      figures: { p99_quiet_ms: p99Quiet, p99_beside_ms: p99Beside, p99_ratio: p99Beside / p99Quiet, waiting },
    };
  },
);
