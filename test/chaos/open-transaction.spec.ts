import { Client } from 'pg';
import { fault } from './harness/fault';

fault('open-transaction', 'a transaction left open slows nothing down for good', async (chaos) => {
  const url = await chaos.open();
  await chaos.start();
  const tenant = await chaos.tenant('snapshot');
  for (const name of ['one', 'two', 'three']) await chaos.destination(tenant, name);
  const jobs = chaos.scaled(80, 5000);
  const destinations = ['one', 'two', 'three'];
  const rate = async (prefix: string): Promise<number> => {
    const started = performance.now();
    const due = chaos.ledger.count() + jobs * destinations.length;
    await chaos.load({ tenant, jobs, destinations, submitters: 16, prefix }).done;
    await chaos.ledger.reaches(due, undefined, 300_000);
    return (jobs * destinations.length * 1000) / (performance.now() - started);
  };
  const before = await rate('before');

  const forgotten = new Client({ connectionString: url });
  await forgotten.connect();
  chaos.atEnd(() => forgotten.end());
  await forgotten.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ready_attempts');
  // No row version that is replaced from now on can be cleaned away.
  const during = await rate('during');
  const released = performance.now();
  await forgotten.query('COMMIT');
  const after = await rate('after');
  const recoverySeconds = (performance.now() - released) / 1000;
  await chaos.settled();

  return {
    recoverySeconds,
    figures: {
      rate_before: before,
      rate_during: during,
      rate_after: after,
      during_over_before: during / before,
    },
  };
});
