import { type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { slow } from '../support/receiver';
import { type TestService } from '../support/service';
import { SqlClient } from '../support/sql-client';
import { type Chaos } from './harness/chaos';
import { fault } from './harness/fault';

/** So long that nothing in here waits for its end: what a killed worker held is freed by the scheduler that is left. */
const LEASE_SECONDS = 60;
/** A lease is renewed at a third of its time. */
const BEFORE_ITS_END_MS = (LEASE_SECONDS * 1000 * 2) / 3 - 2000;
const TAKE_OVER_MS = 10_000;
const REQUESTS = 200;

/** Jobs submitted by SQL, which are a duty of schedulers. */
async function leave(chaos: Chaos, client: SqlClient, tenant: TestTenant, prefix: string): Promise<void> {
  await client.query(
    `DO $$ BEGIN FOR n IN 1 .. ${REQUESTS} LOOP
       CALL submit_distribution(NULL, '${prefix}-' || n, 'report', '{}', '["quick"]');
     END LOOP; END $$`,
  );
  for (let n = 1; n <= REQUESTS; n++) chaos.book.acknowledged(tenant.id, `${prefix}-${n}`, 1);
}

/** The scheduler that has the lock of a duty at this moment. */
function leader(chaos: Chaos, schedulers: TestService[]): Promise<TestService> {
  return eventually({ until: 'a scheduler is in a duty', withinMs: 60_000, everyMs: 3 }, async () => {
    const [held] = await chaos.rows<{ pid: number }>(
      `SELECT n.pid FROM pg_locks l
       JOIN pg_stat_activity a USING (pid)
       JOIN nodes n ON a.application_name = 'distributor system ' || n.id
       WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() AND n.role = 'scheduler'`,
    );
    const found = schedulers.find(({ pid }) => pid === held?.pid);
    if (found === undefined) throw new Error('they are between two duties');
    return found;
  });
}

fault(
  'leader-kill',
  'the scheduler that leads and a worker are killed together, and the others take over',
  async (chaos) => {
    const url = await chaos.open();
    const worker = { ROLE: 'worker', WORKER_CONCURRENCY: '32', LEASE_SECONDS: String(LEASE_SECONDS) };
    await chaos.start({ ROLE: 'api' });
    const [one, other, ...workers] = await Promise.all([
      chaos.start({ ROLE: 'scheduler' }),
      chaos.start({ ROLE: 'scheduler' }),
      chaos.start(worker),
      chaos.start(worker),
    ]);
    const tenant = await chaos.tenant('led');
    const name = new URL(url).pathname.slice(1);
    const client = await SqlClient.create(
      { database: { name, url }, rows: (sql, values) => chaos.rows(sql, values) },
      tenant.id,
    );
    chaos.atEnd(() => client.dispose());
    for (const to of ['quick', 'slow']) await chaos.destination(tenant, to, slow(to === 'quick' ? 0 : 200));
    const load = chaos.load({ tenant, jobs: 1_000_000, destinations: ['slow'], perSecond: 30 });
    await load.reaches(20);

    let [recoverySeconds, takeOver, held] = [0, 0, 0];
    for (let kill = 1; kill <= chaos.scaled(1, 5); kill++) {
      await leave(chaos, client, tenant, `before-${kill}`);
      const leading = await leader(chaos, [one, other]);
      const victim = chaos.random.pick(workers);
      await Promise.all([leading.kill(), victim.kill()]);
      const killed = performance.now();
      const orphans = await chaos.leasedBy(victim);
      held += orphans.length;

      await leave(chaos, client, tenant, `after-${kill}`);
      await eventually({ until: 'the other scheduler leads', withinMs: TAKE_OVER_MS }, async () => {
        const done = `FROM distribution_jobs WHERE distribution_id = 'after-${kill}-1'`;
        expect(await chaos.count(done)).toBe(1);
      });
      takeOver = Math.max(takeOver, (performance.now() - killed) / 1000);
      await chaos.madeAgain(orphans, BEFORE_ITS_END_MS);
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - killed) / 1000);
      await Promise.all([leading.start(), victim.start()]);
    }
    await load.stop();
    await chaos.settled();

    return { recoverySeconds, figures: { take_over_seconds: takeOver, held_at_kills: held } };
  },
);
