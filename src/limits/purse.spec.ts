import fc from 'fast-check';
import { type TenantId } from '../kernel/ids';
import { type Limit } from './bucket';
import { type LeaseTokens } from './lease';
import { LEASE_MS } from './purse';
import { RateLimits } from './rate-limits';

const TENANT = 'acme' as TenantId;

/** A shared bucket on a clock that the test moves: what lease_tokens does, which has its own test. */
function shared(limit: Limit) {
  const time = { ms: 1_000_000 };
  let tokens = limit.capacity;
  let refilledAt = time.ms;
  let visits = 0;
  const lease: LeaseTokens = async (_bucket, { returned, first, wanted, ahead }) => {
    visits++;
    const refill = ((time.ms - refilledAt) * limit.requests) / (limit.windowSeconds * 1000);
    tokens = Math.min(limit.capacity, tokens + returned + refill);
    refilledAt = time.ms;
    const whole = Math.max(0, Math.floor(tokens + 1e-6));
    let granted = Math.min(wanted, whole);
    if (granted < first) {
      const full = tokens + 1e-6 >= limit.capacity && first <= Math.max(limit.capacity, limit.requests);
      granted = full ? first : Math.min(granted, wanted - first);
    } else if (granted === wanted) granted += Math.min(ahead, Math.floor((whole - granted) / 8));
    tokens -= granted;
    return { granted, tokens, ...limit };
  };
  const clock = { now: () => new Date(time.ms) };
  const process = () => new RateLimits(lease, clock, () => undefined);
  return { time, process, visits: () => visits };
}

const limits = fc.record({
  requests: fc.integer({ min: 1, max: 5000 }),
  windowSeconds: fc.integer({ min: 1, max: 120 }),
  capacity: fc.integer({ min: 1, max: 1000 }),
});
const steps = fc.array(
  fc.record({
    process: fc.nat(3),
    jobs: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 50 })),
    together: fc.integer({ min: 1, max: 10 }),
    pauseMs: fc.oneof(fc.constant(0), fc.nat(400)),
  }),
  { minLength: 1, maxLength: 60 },
);

describe('four processes on one bucket', () => {
  it('never admit more than a full bucket, its refill, and what a lease may outlive', async () => {
    await fc.assert(
      fc.asyncProperty(limits, steps, async (limit, calls) => {
        const bucket = shared(limit);
        const processes = [0, 1, 2, 3].map(bucket.process);
        const rate = limit.requests / (limit.windowSeconds * 1000);
        const start = bucket.time.ms;
        let admitted = 0;
        for (const { process, jobs, together, pauseMs } of calls) {
          bucket.time.ms += pauseMs;
          const asked = Array.from({ length: together }, () =>
            (processes[process] as RateLimits).takeSubmissions(TENANT, jobs),
          );
          for (const taken of await Promise.all(asked)) if (taken.kind === 'granted') admitted += jobs;
          const most = Math.max(limit.capacity, Math.min(50, limit.requests));
          expect(admitted).toBeLessThanOrEqual(most + rate * (bucket.time.ms - start) + 1e-3);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('admit a refused request when the time that it was told has passed and nobody else has come', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.integer({ min: 1, max: 1000 }), async (limit, jobs) => {
        const bucket = shared(limit);
        const [one, other] = [bucket.process(), bucket.process()];
        await one.takeSubmissions(TENANT, limit.capacity);
        const taken = await other.takeSubmissions(TENANT, jobs);
        if (taken.kind === 'too_many') expect(jobs).toBeGreaterThan(Math.max(limit.requests, limit.capacity));
        if (taken.kind !== 'refused') return;
        bucket.time.ms += taken.retryAfterSeconds * 1000;
        expect((await other.takeSubmissions(TENANT, jobs)).kind).toBe('granted');
      }),
    );
  });

  it('use all that there is: nothing lies idle in one while another is refused for long', async () => {
    const bucket = shared({ requests: 1000, windowSeconds: 10, capacity: 100 });
    const processes = [0, 1, 2, 3].map(bucket.process);
    let admitted = 0;
    for (let ms = 0; ms < 10_000; ms += 5) {
      bucket.time.ms += 5;
      for (const process of processes) {
        if ((await process.takeSubmissions(TENANT, 1)).kind === 'granted') admitted++;
      }
    }
    expect(admitted).toBeGreaterThan(1100 * 0.99);
    expect(admitted).toBeLessThanOrEqual(1100);
  });
});

describe('the tokens in hand', () => {
  it('spare most of the visits when requests come fast', async () => {
    const bucket = shared({ requests: 600_000, windowSeconds: 60, capacity: 10_000 });
    const process = bucket.process();
    for (let request = 0; request < 2000; request++) {
      if (request % 10 === 0) bucket.time.ms += 1;
      expect((await process.takeSubmissions(TENANT, 1)).kind).toBe('granted');
    }
    expect(bucket.visits()).toBeLessThan(2000 / 20);
  });

  it('go back when the process stops', async () => {
    const bucket = shared({ requests: 1, windowSeconds: 3600, capacity: 100 });
    const [one, other] = [bucket.process(), bucket.process()];
    let admitted = 0;
    for (; admitted < 20; admitted++) await one.takeSubmissions(TENANT, 1);
    await one.stop();
    while ((await other.takeSubmissions(TENANT, 1)).kind === 'granted') admitted++;
    expect(admitted).toBe(100);
  });

  it('are refused from memory for a quarter of a second at most, so that a raised limit holds soon', async () => {
    const limit = { requests: 1, windowSeconds: 3600, capacity: 1 };
    const bucket = shared(limit);
    const process = bucket.process();
    await process.takeSubmissions(TENANT, 1);
    expect((await process.takeSubmissions(TENANT, 1)).kind).toBe('refused');
    limit.requests = 3_600_000;
    expect((await process.takeSubmissions(TENANT, 1)).kind).toBe('refused');
    bucket.time.ms += LEASE_MS;
    expect((await process.takeSubmissions(TENANT, 1)).kind).toBe('granted');
  });
});
