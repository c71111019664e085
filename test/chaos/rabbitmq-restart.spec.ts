import { eventually } from '../support/eventually';
import { missingBroker, OwnBroker } from '../support/own-broker';
import { Consumer } from './harness/consumer';
import { fault } from './harness/fault';

const QUEUE = 'ordinances';

fault(
  'rabbitmq-restart',
  'a broker that restarts gets every message that was promised to it',
  async (chaos) => {
    const broker = await OwnBroker.start();
    chaos.atEnd(() => broker.dispose());
    await chaos.open();
    await chaos.start({ DISTRIBUTION_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: '2' });
    const tenant = await chaos.tenant('broker');
    const place = 'broker/queue';
    const consumer = new Consumer(broker.url, QUEUE, chaos.ledger, place);
    await consumer.start();
    chaos.atEnd(() => consumer.stop());
    const retry_policy = { max_attempts: 20, initial_delay_seconds: 0.2, max_backoff_seconds: 2 };
    const configuration = { connection: { url: broker.url }, routing_key: QUEUE, retry_policy };
    await tenant.api.register('queue', configuration, { protocol: 'AMQP' });
    await chaos.destination(tenant, 'beside');
    const jobs = chaos.scaled(120, 5000);
    const load = chaos.load({ tenant, jobs, destinations: ['queue', 'beside'], perSecond: 60 });

    let recoverySeconds = 0;
    const restarts = chaos.scaled(1, 4);
    for (let restart = 1; restart <= restarts; restart++) {
      await chaos.ledger.reaches(
        Math.floor((jobs * restart) / (restarts + 2)) + chaos.random.between(0, 30),
        place,
      );
      await broker.stop();
      await eventually({ until: 'a delivery to wait for the broker' }, async () => {
        const waiting = await chaos.count(
          `FROM distribution_attempts WHERE destination_name = 'queue' AND status = 'retry'`,
        );
        expect(waiting).toBeGreaterThan(0);
      });
      await broker.restart();
      const back = performance.now();
      await consumer.start();
      await chaos.ledger.reaches(chaos.ledger.count(place) + 1, place);
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - back) / 1000);
    }
    await load.done;
    await chaos.settled();
    await chaos.ledger.reaches(jobs, place);
    return { recoverySeconds };
  },
  missingBroker(),
);
