import { OwnPostgres } from '../support/own-postgres';
import { slow } from '../support/receiver';
import { fault } from './harness/fault';

fault('postgres-immediate', 'a database that stops at once loses no acknowledged job', async (chaos) => {
  const postgres = await OwnPostgres.start();
  chaos.atEnd(() => postgres.dispose());
  await chaos.open({ url: postgres.url });
  await chaos.start({ ROLE: 'api' });
  await chaos.start({ ROLE: 'all', WORKER_CONCURRENCY: '32' });
  const tenant = await chaos.tenant('crash');
  for (const name of ['quick', 'slow'])
    await chaos.destination(tenant, name, slow(name === 'quick' ? 0 : 30));
  const crashes = chaos.scaled(2, 6);
  const jobs = chaos.scaled(150, 1000);

  let recoverySeconds = 0;
  let refusedOrBroken = 0;
  for (let crash = 1; crash <= crashes; crash++) {
    // A load of its own, so that there is something left to be refused however fast the one before went.
    const load = chaos.load({
      tenant,
      jobs,
      destinations: ['quick', 'slow'],
      perSecond: 100,
      prefix: `crash-${crash}`,
    });
    await chaos.ledger.reaches(chaos.ledger.count() + chaos.random.between(20, 60));
    await postgres.stopImmediately();
    // What is in flight ends against a database that is not there.
    await load.fails(load.failures + 3);
    await postgres.start();
    const back = performance.now();
    await load.reaches(load.acknowledged + 1);
    await chaos.ledger.reaches(chaos.ledger.count() + 1);
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - back) / 1000);
    await load.done;
    refusedOrBroken += load.failures;
  }
  await chaos.settled();

  await chaos.expectAllAlive();
  return { recoverySeconds, figures: { refused_or_broken: refusedOrBroken } };
});
