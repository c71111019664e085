import { Client } from 'pg';
import { type Chaos } from './harness/chaos';
import { fault } from './harness/fault';

/** As after a fail-over to a standby that is not yet promoted: every session is a new one, and none may write. */
async function readOnly(chaos: Chaos, administrator: Client, value: 'on' | 'off'): Promise<void> {
  await administrator.query(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = ${value}', current_database()); END $$`,
  );
  await chaos.rows(`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'distributor%'`);
}

fault(
  'read-only-database',
  'a database that takes nothing means 503, and nothing half accepted',
  async (chaos) => {
    const url = await chaos.open();
    await chaos.start();
    const tenant = await chaos.tenant('readonly');
    for (const name of ['one', 'two']) await chaos.destination(tenant, name);
    const administrator = new Client({
      connectionString: url,
      options: '-c default_transaction_read_only=off',
    });
    await administrator.connect();
    chaos.atEnd(() => administrator.end());
    const load = chaos.load({ tenant, jobs: 100_000, destinations: ['one', 'two'], perSecond: 60 });

    let recoverySeconds = 0;
    for (let round = 0; round < chaos.scaled(1, 4); round++) {
      await chaos.ledger.reaches(chaos.ledger.count() + chaos.random.between(40, 80));
      await readOnly(chaos, administrator, 'on');
      await load.fails(load.failures + 10);
      const refused = await tenant.api.submit({ destinations: ['one'], distribution_id: `refused-${round}` });
      expect(refused).toMatchObject({ status: 503, body: { error: 'SERVICE_UNAVAILABLE' } });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await tenant.api.list()).status).toBe(200);
      await readOnly(chaos, administrator, 'off');
      const back = performance.now();
      await load.reaches(load.acknowledged + 10);
      await chaos.ledger.reaches(chaos.ledger.count() + 10);
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - back) / 1000);
    }
    await load.stop();
    await chaos.settled();

    await chaos.expectAllAlive();
    return { recoverySeconds, figures: { refused_or_broken: load.failures } };
  },
);
