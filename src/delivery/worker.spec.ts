import { type Timers } from '../kernel/clock';
import { DeliveryWorker, type WorkerParts } from './worker';

/** A lane that has nothing to do for a while, and tells when it was looked at. */
function idle(idleMs: number): { lanes: WorkerParts['lanes']; looked: () => Promise<void> } {
  let tell: () => void = () => undefined;
  const lanes: WorkerParts['lanes'] = {
    wake: () => undefined,
    hint: () => undefined,
    look: async () => tell(),
    offers: () => [],
    claimed: async () => [],
    left: () => false,
    idleMs,
    stop: async () => undefined,
  };
  return { lanes, looked: () => new Promise((resolve) => (tell = resolve)) };
}

describe('a worker that waits', () => {
  it('looks again when its time has come, however the time of day is set meanwhile', async () => {
    const waits: { ms: number; then: () => void }[] = [];
    let now = 0;
    const timers: Timers = {
      now: () => now,
      after(ms, then) {
        const wait = { ms, then };
        waits.push(wait);
        return () => waits.splice(waits.indexOf(wait), 1);
      },
    };
    const { lanes, looked } = idle(250);
    const unused = async (): Promise<never> => Promise.reject(new Error('nothing is claimed'));
    const worker = new DeliveryWorker({
      lanes,
      timers,
      claims: { due: unused, extend: unused, release: async () => undefined, leaseSeconds: 30 },
      recorder: { record: unused, stop: () => undefined },
      attempt: unused,
      concurrency: 8,
      onRecorded: () => undefined,
      onFault: (error) => expect(error).toBeUndefined(),
    });
    const first = looked();
    worker.start();
    await first;
    await new Promise(setImmediate);
    const wait = waits.find(({ ms }) => ms === 250);
    jest.spyOn(Date, 'now').mockReturnValue(0);
    const again = looked();
    now += 250;
    wait?.then();
    await again;
    jest.restoreAllMocks();
    await worker.stop(0);
  });
});
