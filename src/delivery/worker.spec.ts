import { type Timers } from '../kernel/clock';
import { type ClaimedDelivery } from './claim';
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
      onClaimed: () => undefined,
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

describe('a worker whose claim is answered late', () => {
  it('sends nothing under leases that have ended meanwhile', async () => {
    let now = 0;
    const left: string[] = [];
    const late = { delivery_id: 'late', tenant_id: 'roma', lane_id: 'lane', destination_name: 'x' };
    const { lanes, looked } = idle(250);
    const offered = [{ tenantId: 'roma', laneId: 'lane', quota: 1 }] as ReturnType<typeof lanes.offers>;
    const unused = async (): Promise<never> => Promise.reject(new Error('nothing is sent'));
    const worker = new DeliveryWorker({
      lanes: {
        ...lanes,
        offers: () => offered.splice(0),
        claimed: (offers, claim) => claim(offers),
        left: ({ laneId }) => left.push(laneId) > 1,
      },
      timers: {
        now: () => now,
        after(ms, then) {
          const soon = ms < 1000 ? setImmediate(then) : undefined;
          return () => clearImmediate(soon);
        },
      },
      claims: {
        due: async () => {
          now += 30_000;
          return [late as ClaimedDelivery];
        },
        extend: unused,
        release: async () => undefined,
        leaseSeconds: 30,
      },
      recorder: { record: unused, stop: () => undefined },
      attempt: unused,
      concurrency: 8,
      onClaimed: () => undefined,
      onRecorded: () => undefined,
      onFault: (error) => expect(error).toBeUndefined(),
    });
    const first = looked();
    worker.start();
    await first;
    await new Promise(setImmediate);
    expect(left).toEqual(['lane']);
    expect(worker.active).toBe(0);
    await worker.stop(0);
  });
});
