import { TcpProxy } from '../support/tcp-proxy';
import { createDatabase } from '../support/postgres';
import { fault } from './harness/fault';

/** The tag with which PostgreSQL answers a COMMIT. */
const COMMITTED = Buffer.from('COMMIT\0');

fault('commit-reply-lost', 'a commit whose answer is lost is repeated and counts once', async (chaos) => {
  const database = await createDatabase();
  chaos.atEnd(() => database.drop());
  const served = new URL(database.url);
  const wire = await TcpProxy.to(served.hostname, Number(served.port || 5432));
  chaos.atEnd(() => wire.cut());
  [served.hostname, served.port] = ['127.0.0.1', String(wire.port)];
  await chaos.open({ url: database.url, served: served.href });
  await chaos.start();
  const tenant = await chaos.tenant('commit');
  for (const name of ['one', 'two']) await chaos.destination(tenant, name);

  let lost = 0;
  const all = chaos.scaled(8, 150);
  // Commits of submissions and of outcomes alike, at moments that the seed chooses.
  let untilNext = chaos.random.between(1, 10);
  wire.loses = (answer) => {
    if (lost === all || !answer.includes(COMMITTED) || --untilNext > 0) return false;
    untilNext = chaos.random.between(1, 10);
    lost++;
    return true;
  };
  const load = chaos.load({
    tenant,
    jobs: chaos.scaled(200, 8000),
    destinations: ['one', 'two'],
    submitters: 2,
    perSecond: 100,
  });
  await load.done;
  const over = performance.now();
  wire.loses = () => false;
  await chaos.settled();
  const recoverySeconds = (performance.now() - over) / 1000;

  expect(lost).toBeGreaterThan(all / 4);
  // Refused with 503, though it was committed: the same id again finds the job that is there.
  expect(load.repeated).toBeGreaterThan(0);
  await chaos.expectAllAlive();
  return { recoverySeconds, figures: { answers_lost: lost, found_committed: load.repeated } };
});
