import { OwnBroker } from '../support/own-broker';
import { fault } from './harness/fault';
import { Publishing } from './harness/publishing';

fault(
  'amqp-broker-restart',
  'a broker that is stopped and started loses no confirmed message',
  async (chaos) => {
    const broker = await OwnBroker.start();
    chaos.atEnd(() => broker.dispose());
    await chaos.open();
    await chaos.start({ AMQP_URL: broker.url });
    const tenant = await chaos.tenant('upstream');
    await chaos.destination(tenant, 'archive');
    const jobs = chaos.scaled(120, 6000);
    const url = () => broker.url;
    const options = { url, tenant, jobs, destinations: ['archive'], copies: 1, poisonEvery: jobs };
    const publishing = new Publishing(options, chaos.book);

    let recoverySeconds = 0;
    const restarts = chaos.scaled(1, 4);
    for (let restart = 1; restart <= restarts; restart++) {
      await publishing.reaches(Math.floor((jobs * restart) / (restarts + 1)) + chaos.random.between(0, 10));
      await broker.stop();
      await broker.restart();
      const back = performance.now();
      await chaos.ledger.reaches(chaos.ledger.count() + 1, undefined, 60_000);
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - back) / 1000);
    }
    await publishing.done;
    await chaos.ledger.reaches(jobs, undefined, 60_000);
    await chaos.settled();
    await chaos.expectAllAlive();
    return { recoverySeconds };
  },
);
