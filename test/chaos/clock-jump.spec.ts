import { type Behaviour } from '../support/receiver';
import { fault } from './harness/fault';

const HOUR = 3_600_000;
const LATER_SECONDS = 4;

/**
 * Runs in the worker before anything else: each SIGUSR2 moves its wall clock by the next of `jumps` milliseconds, as a
 * wrong time server would. The monotonic clock goes on.
 */
function jumpingClock(jumps: number[]): void {
  let shift = 0;
  globalThis.Date = new Proxy(Date, {
    construct: (target, given: unknown[]) =>
      Reflect.construct(target, given.length === 0 ? [target.now() + shift] : given) as Date,
    get: (target, name) =>
      name === 'now' ? () => target.now() + shift : (Reflect.get(target, name) as unknown),
  });
  process.on('SIGUSR2', () => (shift += jumps.shift() ?? 0));
}

const preload = (jumps: number[]): string =>
  `data:text/javascript,${encodeURIComponent(`(${jumpingClock.toString()})([${jumps.join()}])`)}`;

/** Takes a delivery at its third attempt. */
const thirdTime: Behaviour = ({ attempt }) => ({ status: attempt < 3 ? 503 : 200 });

fault(
  'clock-jump',
  'workers whose clocks jump by hours make no attempt early and lose none',
  async (chaos) => {
    await chaos.open();
    await chaos.start({ ROLE: 'api' });
    const jumps = [3 * HOUR, -9 * HOUR, 5 * HOUR];
    const env = {
      ROLE: 'worker',
      DISTRIBUTION_CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1000',
    };
    const launch = { nodeFlags: ['--import', preload(jumps)] };
    const jumping = [await chaos.start(env, launch), await chaos.start({ ...env, ROLE: 'all' }, launch)];
    const tenant = await chaos.tenant('clock');
    const retry_policy = { initial_delay_seconds: 2, backoff_multiplier: 1, max_attempts: 3 };
    await chaos.destination(tenant, 'retried', thirdTime, { retry_policy });
    await chaos.destination(tenant, 'quick');
    const jobs = chaos.scaled(60, 1000);
    const now = chaos.load({
      tenant,
      jobs,
      destinations: ['retried', 'quick'],
      perSecond: 40,
      prefix: 'now',
    });
    const deliverAt = new Date(Date.now() + LATER_SECONDS * 1000).toISOString();
    const later = chaos.load({
      tenant,
      jobs: 20,
      destinations: ['quick'],
      prefix: 'later',
      options: { deliver_at: deliverAt },
    });
    await later.done;

    for (let jump = 0; jump < jumps.length; jump++) {
      await chaos.ledger.reaches(Math.floor((jobs * (jump + 1)) / 3) + chaos.random.between(0, 10));
      for (const process of jumping) process.signal('SIGUSR2');
    }
    const last = performance.now();
    await now.done;
    await chaos.settled();
    const recoverySeconds = (performance.now() - last) / 1000;

    for (const { logs } of jumping) {
      const times = logs.map(({ time }) => Date.parse(String(time)));
      expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(HOUR);
    }
    const early = await chaos.rows<{ id: string; attempt: number; due: Date }>(`
    SELECT delivery_id AS id, attempt_number + 1 AS attempt, next_attempt_at AS due
    FROM distribution_attempts WHERE status = 'retry'`);
    expect(early.length).toBe(2 * jobs);
    const arrivalOf = (id: string, attempt: number): number | undefined =>
      chaos.ledger.entries.get(id)?.arrivals.find((arrival) => arrival.attempt === attempt)?.at;
    // A receipt is stamped in whole milliseconds, as the due time is.
    expect(early.filter(({ id, attempt, due }) => (arrivalOf(id, attempt) ?? 0) < due.getTime() - 1)).toEqual(
      [],
    );
    const tooSoon = [...chaos.ledger.entries.values()].filter(
      ({ distributionId, arrivals: [first] }) =>
        distributionId.startsWith('later-') && first !== undefined && first.at < Date.parse(deliverAt),
    );
    expect(tooSoon).toEqual([]);
    expect(chaos.ledger.repeats()).toBe(0);
    return { recoverySeconds };
  },
);
