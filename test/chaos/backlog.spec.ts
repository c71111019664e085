import { percentile } from '../../bench/load';
import { hang } from '../support/receiver';
import { fault } from './harness/fault';

fault('backlog', 'a destination with a large backlog leaves fresh traffic to others alone', async (chaos) => {
  await chaos.open();
  await chaos.start({ WORKER_CONCURRENCY: '128' });
  const tenant = await chaos.tenant('backlog');
  const { behaviour, release } = hang();
  const stuck = await chaos.destination(tenant, 'stuck', behaviour);
  const place = await chaos.destination(tenant, 'fresh');
  const jobs = chaos.scaled(60, 1000);
  const options = { tenant, jobs, destinations: ['fresh'], perSecond: 20 };

  const quiet = chaos.load({ ...options, prefix: 'quiet' });
  await quiet.done;
  await chaos.ledger.reaches(jobs, place);

  const backlog = chaos.scaled(5_000, 100_000);
  await chaos.bulk(tenant, backlog, ['stuck']);
  await chaos.ledger.reaches(1, stuck);
  const beside = chaos.load({ ...options, prefix: 'beside' });
  await beside.done;
  await chaos.ledger.reaches(2 * jobs, place);
  const waiting = await chaos.count(`FROM ready_attempts WHERE destination_name = 'stuck'`);
  release();
  const over = performance.now();
  await chaos.settled(300_000);
  const recoverySeconds = (performance.now() - over) / 1000;

  expect(waiting).toBe(backlog);
  const [p99Quiet, p99Beside] = [quiet, beside].map((load) =>
    percentile(load.latencies(chaos.ledger, [place]), 0.99),
  ) as [number, number];
  return {
    recoverySeconds,
    figures: { p99_quiet_ms: p99Quiet, p99_beside_ms: p99Beside, p99_ratio: p99Beside / p99Quiet, backlog },
  };
});
