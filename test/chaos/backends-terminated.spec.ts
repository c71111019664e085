import { type Chaos } from './harness/chaos';
import { fault } from './harness/fault';

const TERMINATE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'distributor%'`;

/** Deliveries a second while the next `count` of them arrive. */
async function rate(chaos: Chaos, count: number): Promise<number> {
  const started = performance.now();
  await chaos.ledger.reaches(chaos.ledger.count() + count);
  return (count * 1000) / (performance.now() - started);
}

fault('backends-terminated', 'sessions that the database ends again and again cost no job', async (chaos) => {
  await chaos.open();
  await chaos.start();
  const tenant = await chaos.tenant('sessions');
  for (const name of ['one', 'two']) await chaos.destination(tenant, name);
  const load = chaos.load({
    tenant,
    jobs: 100_000,
    destinations: ['one', 'two'],
    submitters: 4,
    perSecond: 200,
  });
  await chaos.ledger.reaches(100);
  const before = await rate(chaos, chaos.scaled(100, 2000));

  for (let round = 0; round < chaos.scaled(8, 60); round++) {
    await chaos.rows(TERMINATE);
    // Between half a batch and some: each blow falls on another moment of claim, send and record.
    await chaos.ledger.reaches(chaos.ledger.count() + chaos.random.between(1, 40));
  }
  const over = performance.now();
  const probe = await tenant.api.accepted({ distribution_id: 'after', destinations: ['one', 'two'] });
  chaos.book.acknowledged(tenant.id, probe, 2);
  const after = await rate(chaos, chaos.scaled(100, 2000));
  const recoverySeconds = (performance.now() - over) / 1000;
  await load.stop();
  await chaos.settled();

  return {
    recoverySeconds,
    figures: { rate_before: before, rate_after: after, refused_or_broken: load.failures },
  };
});
