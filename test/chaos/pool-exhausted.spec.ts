import { Client } from 'pg';
import { fault } from './harness/fault';

fault(
  'pool-exhausted',
  'without a free session submissions are refused, and go on when there is one',
  async (chaos) => {
    const url = await chaos.open();
    await chaos.start({ DB_POOL_SIZE: '2' });
    const tenant = await chaos.tenant('pool');
    for (const name of ['one', 'two']) await chaos.destination(tenant, name);
    const load = chaos.load({
      tenant,
      jobs: 100_000,
      destinations: ['one', 'two'],
      submitters: 32,
      perSecond: 100,
    });
    await chaos.ledger.reaches(50);

    const locker = new Client({ connectionString: url });
    await locker.connect();
    chaos.atEnd(() => locker.end());
    let recoverySeconds = 0;
    for (let round = 0; round < chaos.scaled(1, 3); round++) {
      // Every session of the pool is soon behind this lock, and who asks for another one waits his ten seconds in vain.
      await locker.query('BEGIN; LOCK TABLE distribution_jobs, ready_attempts IN ACCESS EXCLUSIVE MODE');
      await load.fails(load.failures + chaos.random.between(1, 5));
      await locker.query('COMMIT');
      const free = performance.now();
      await load.reaches(load.acknowledged + 50);
      await chaos.ledger.reaches(chaos.ledger.count() + 50);
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - free) / 1000);
    }
    // No room for another session on the side of the server either.
    await locker.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$`,
    );
    await chaos.rows(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'distributor%'`);
    await load.fails(load.failures + 5);
    await locker.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT -1', current_database()); END $$`,
    );
    const room = performance.now();
    await load.reaches(load.acknowledged + 50);
    await chaos.ledger.reaches(chaos.ledger.count() + 50);
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - room) / 1000);
    await load.stop();
    await chaos.settled();

    expect([...load.refusals.keys()]).toEqual(expect.arrayContaining([503]));
    await chaos.expectAllAlive();
    return { recoverySeconds, figures: { refused_or_broken: load.failures } };
  },
);
