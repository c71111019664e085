import { DistributorClient } from '../../client/src/index';
import { slow } from '../support/receiver';
import { type TestService } from '../support/service';
import { TcpProxy } from '../support/tcp-proxy';
import { type Chaos } from './harness/chaos';
import { fault } from './harness/fault';

/** An address that stays when the process behind it is replaced. */
async function addressOf(chaos: Chaos, process: TestService): Promise<TcpProxy> {
  const proxy = await TcpProxy.to('127.0.0.1', Number(new URL(process.url).port));
  chaos.atEnd(() => proxy.cut());
  return proxy;
}

fault(
  'rolling-restart',
  'every process replaced in turn under load, and no submission fails',
  async (chaos) => {
    await chaos.open();
    const worker = { ROLE: 'worker', WORKER_CONCURRENCY: '32' };
    const api = { ROLE: 'api', API_DRAIN_SECONDS: '1' };
    const first = await chaos.start(api);
    const [second] = await Promise.all([
      chaos.start(api),
      chaos.start(worker),
      chaos.start(worker),
      chaos.start({ ROLE: 'scheduler' }),
    ]);
    const addresses = new Map<TestService, TcpProxy>();
    for (const process of [first, second]) addresses.set(process, await addressOf(chaos, process));
    const tenant = await chaos.tenant('rolling');
    for (const name of ['quick', 'slow']) {
      await chaos.destination(tenant, name, slow(name === 'quick' ? 0 : 50));
    }
    const client = new DistributorClient({
      baseUrl: [...addresses.values()].map(({ port }) => `http://127.0.0.1:${port}`),
      apiKey: tenant.api.key,
    });
    const load = chaos.load({
      tenant,
      jobs: 1_000_000,
      destinations: ['quick', 'slow'],
      perSecond: 25,
      submit: async (job) => {
        const { idempotent_replay = false } = await client.submit({ data_type: 'report', ...job });
        return { idempotent_replay };
      },
    });

    let recoverySeconds = 0;
    for (let round = 0; round < chaos.scaled(1, 4); round++) {
      for (const process of chaos.processes) {
        await load.reaches(load.acknowledged + chaos.random.between(5, 20));
        const before = performance.now();
        expect(await process.stop()).toBe(0);
        expect(await chaos.leasedBy(process)).toEqual([]);
        await process.start();
        addresses.get(process)?.lead('127.0.0.1', Number(new URL(process.url).port));
        recoverySeconds = Math.max(recoverySeconds, (performance.now() - before) / 1000);
      }
    }
    await load.reaches(load.acknowledged + 20);
    await load.stop();
    await chaos.settled();

    // The client's own repeats do not count: its user has seen none.
    expect(load.failures).toBe(0);
    return { recoverySeconds, figures: { submissions: load.acknowledged, found_again: load.repeated } };
  },
);
