import { fault } from './harness/fault';
import { FaultyReceiver, MISBEHAVIOURS } from './harness/faulty-receiver';
import { percentile } from '../../bench/load';

/** Longer than the scenario: what hangs holds its slot until the receiver lets go. */
const TIMEOUT_SECONDS = 300;

fault('destination-faults', 'destinations that misbehave leave the others alone', async (chaos) => {
  await chaos.open();
  await chaos.start({ WORKER_CONCURRENCY: '64' });
  const tenant = await chaos.tenant('faults');
  const healthy = ['one', 'two'];
  const places = await Promise.all(healthy.map((name) => chaos.destination(tenant, name)));
  const faulty = await FaultyReceiver.start(chaos);
  const kinds = Object.keys(MISBEHAVIOURS);
  for (const kind of kinds) {
    await tenant.api.register(kind, {
      endpoint: `${faulty.url}/faults/${kind}`,
      timeout_seconds: TIMEOUT_SECONDS,
    });
  }
  const jobs = chaos.scaled(100, 3000);
  const options = { tenant, jobs, destinations: healthy, perSecond: 30 };

  const quiet = chaos.load({ ...options, prefix: 'quiet' });
  await quiet.done;
  for (const place of places) await chaos.ledger.reaches(jobs, place);

  // More than the worker has slots, so that those that hang would take all of them.
  const ttl = { ttl_seconds: chaos.scaled(15, 60) };
  const bad = chaos.load({ tenant, jobs: 100, destinations: kinds, prefix: 'bad', options: ttl });
  await Promise.all(kinds.map((kind) => chaos.ledger.reaches(3, `faults/${kind}`)));
  const beside = chaos.load({ ...options, prefix: 'beside' });
  await beside.done;
  const over = performance.now();
  for (const place of places) await chaos.ledger.reaches(2 * jobs, place);
  const recoverySeconds = (performance.now() - over) / 1000;
  const [p99Quiet, p99Beside] = [quiet, beside].map((load) =>
    percentile(load.latencies(chaos.ledger, places), 0.99),
  ) as [number, number];

  await bad.done;
  for (let number = 0; number < 100; number++) {
    if (chaos.random.next() < 0.2) await tenant.api.cancel(`bad-${number}`);
  }
  expect(faulty.unanswered).toBeGreaterThan(0);
  faulty.release();
  // What waits for a breaker ends with its expiry.
  await chaos.settled();
  return {
    recoverySeconds,
    figures: { p99_quiet_ms: p99Quiet, p99_beside_ms: p99Beside, p99_ratio: p99Beside / p99Quiet },
  };
});
