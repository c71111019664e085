import { type Timers } from '../kernel/clock';
import { type ClaimedDelivery } from './claim';
import { DeliveryWorker, type WorkerParts } from './worker';

/** A worker of which nothing but these parts is asked. */
const workerOf = (
  parts: Pick<WorkerParts, 'lanes' | 'timers'> & Partial<Pick<WorkerParts['claims'], 'due'>>,
) => {
  const unused = async (): Promise<never> => Promise.reject(new Error('this is not asked for'));
  const { lanes, timers, due = unused } = parts;
  return new DeliveryWorker({
    lanes,
    timers,
    claims: { due, extend: unused, release: async () => undefined, leaseSeconds: 30 },
    recorder: { record: unused, stop: () => undefined },
    attempt: unused,
    concurrency: 8,
    onClaimed: () => undefined,
    onRecorded: () => undefined,
    onFault: (error) => expect(error).toBeUndefined(),
  });
};

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
    const worker = workerOf({ lanes, timers });
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
    const worker = workerOf({
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
      due: async () => {
        now += 30_000;
        return [late as ClaimedDelivery];
      },
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
