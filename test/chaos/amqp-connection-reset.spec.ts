import { eventually } from '../support/eventually';
import { OwnBroker, Publisher } from '../support/own-broker';
import { TcpProxy } from '../support/tcp-proxy';
import { fault } from './harness/fault';
import { Publishing } from './harness/publishing';

/** Every message twice, some that cannot be read, two consumers, and connections that break among them. */
fault(
  'amqp-connection-reset',
  'broken connections, duplicates and poison make no job twice',
  async (chaos) => {
    const broker = await OwnBroker.start();
    chaos.atEnd(() => broker.dispose());
    const { hostname, port } = new URL(broker.url);
    const wire = await TcpProxy.to(hostname, Number(port));
    chaos.atEnd(() => wire.cut());
    await chaos.open();
    const served = `amqp://guest:guest@127.0.0.1:${wire.port}`;
    await chaos.start({ AMQP_URL: served });
    await chaos.start({ AMQP_URL: served, ROLE: 'api' });
    const tenant = await chaos.tenant('upstream');
    await chaos.destination(tenant, 'archive');
    const jobs = chaos.scaled(120, 6000);
    const options = {
      url: () => broker.url,
      tenant,
      jobs,
      destinations: ['archive'],
      copies: 2,
      poisonEvery: 10,
    };
    const publishing = new Publishing(options, chaos.book);

    let recoverySeconds = 0;
    const resets = chaos.scaled(2, 12);
    for (let reset = 1; reset <= resets; reset++) {
      await chaos.ledger.reaches(Math.floor((jobs * reset) / (resets + 2)) + chaos.random.between(0, 10));
      await wire.cut();
      await wire.mend();
      const mended = performance.now();
      await chaos.ledger.reaches(Math.min(jobs, chaos.ledger.count() + 1));
      recoverySeconds = Math.max(recoverySeconds, (performance.now() - mended) / 1000);
    }
    await publishing.done;
    await chaos.ledger.reaches(jobs, undefined, 60_000);
    await chaos.settled();
    await chaos.expectAllAlive();

    const reader = await Publisher.connect(broker.url);
    await eventually({ until: 'the queue to be empty' }, async () =>
      expect(await reader.waiting('zenia.distribution.submit')).toBe(0),
    );
    // A refusal whose confirm was lost is made again: at least once here too.
    const dead = new Set((await reader.takeDead()).map(({ properties }) => String(properties.messageId)));
    await reader.close();
    expect([...dead].filter((name) => !name.startsWith('poison-'))).toEqual([]);
    expect(dead.size).toBe(publishing.poisons);
    return { recoverySeconds };
  },
);
