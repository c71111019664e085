import fc from 'fast-check';
import { allowedNow, emptyAt, nextAllowedAt, type RateLimit, taken } from './rate';

const limits = fc.record({
  requests: fc.integer({ min: 1, max: 1000 }),
  perSeconds: fc.integer({ min: 1, max: 60 }),
});

/** Sends all that is allowed whenever one more is; returns the times of the sends. */
function greedy(limit: RateLimit, sends: number): number[] {
  const times: number[] = [];
  let fullAt = Number.NEGATIVE_INFINITY;
  let now = 0;
  while (times.length < sends) {
    const allowed = allowedNow(limit, fullAt, now);
    times.push(...Array.from({ length: allowed }, () => now));
    fullAt = taken(limit, fullAt, allowed, now);
    now = Math.max(now, nextAllowedAt(limit, fullAt));
  }
  return times;
}

describe('the rate of a lane', () => {
  it('is never above the limit in any window, and not far below it', () => {
    fc.assert(
      fc.property(limits, (limit) => {
        const times = greedy(limit, 2 * limit.requests + 2);
        const window = limit.perSeconds * 1000;
        const spans = times.slice(limit.requests).map((later, index) => later - (times[index] ?? 0));
        expect(Math.min(...spans)).toBeGreaterThanOrEqual(window - 1e-6);
        const all = (times[limit.requests * 2] ?? 0) - (times[0] ?? 0);
        expect(all).toBeLessThanOrEqual(2 * window * 1.06 + 1);
      }),
      { numRuns: 30 },
    );
  });

  it('is spread evenly where it is low', () => {
    expect(greedy({ requests: 10, perSeconds: 1 }, 4)).toEqual([0, 100, 200, 300]);
  });

  it('lets nothing go from an empty bucket, and one after one interval', () => {
    const limit = { requests: 10, perSeconds: 1 };
    const empty = emptyAt(limit, 1000);
    expect(allowedNow(limit, empty, 1000)).toBe(0);
    expect(nextAllowedAt(limit, empty)).toBe(1100);
    expect(allowedNow(limit, empty, 1100)).toBe(1);
  });
});
