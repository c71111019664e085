import { afterCheck, afterDelivery, NEW_RUN, type Run, signOf, type Standing } from './decide';

const UNKNOWN: Standing = { status: 'unknown', failures: 0, successes: 0 };
const HEALTHY: Standing = { status: 'healthy', failures: 0, successes: 9 };

const statuses = (start: Standing, results: boolean[]): string[] => {
  let standing = start;
  return results.map((isHealthy) => (standing = afterCheck(standing, isHealthy, 60, 0.5)).status);
};

describe('the standing after a check', () => {
  it('changes with the third failure in a row and the second success in a row', () => {
    expect(statuses(HEALTHY, [false, false, true, false, false, false, true, false, true, true])).toEqual([
      'healthy',
      'healthy',
      'healthy',
      'healthy',
      'healthy',
      'unhealthy',
      'unhealthy',
      'unhealthy',
      'unhealthy',
      'healthy',
    ]);
  });

  it('is known from the first success, and after three failures', () => {
    expect(statuses(UNKNOWN, [true])).toEqual(['healthy']);
    expect(statuses(UNKNOWN, [false, false, false])).toEqual(['unknown', 'unknown', 'unhealthy']);
  });

  it('looks again soon while a result contradicts it, else after the interval, spread by a tenth', () => {
    expect(afterCheck(HEALTHY, false, 60, 0.5).nextInSeconds).toBe(5);
    expect(afterCheck(HEALTHY, true, 60, 0).nextInSeconds).toBe(54);
    expect(afterCheck(HEALTHY, true, 60, 1).nextInSeconds).toBeCloseTo(66);
  });
});

describe('a run of deliveries', () => {
  const writes = (signs: ('success' | 'fault' | 'other')[], now = 0): (string | undefined)[] => {
    let run: Run = NEW_RUN;
    return signs.map((sign) => {
      const after = afterDelivery(run, sign, now);
      run = after.run;
      return after.write;
    });
  };

  it('writes once for a row of successes, and once for the fifth fault', () => {
    expect(writes(['success', 'success', 'fault', 'fault', 'fault', 'fault', 'fault', 'fault'])).toEqual([
      'healthy',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      'unhealthy',
      undefined,
    ]);
  });

  it('is broken by an answer of any kind', () => {
    expect(writes(['fault', 'fault', 'fault', 'fault', 'other', 'fault'])).toEqual(Array(6).fill(undefined));
  });

  it('looks at the row again after ten seconds, for others may have written', () => {
    const { run } = afterDelivery(NEW_RUN, 'success', 0);
    expect(afterDelivery(run, 'success', 9999).write).toBeUndefined();
    expect(afterDelivery(run, 'success', 10_000).write).toBe('healthy');
  });

  it('counts faults of the way and of the whole receiver, not refusals', () => {
    expect(
      ['TIMEOUT', 'RECEIVER_UNAVAILABLE', 'RECEIVER_REFUSED', 'TRANSFORMATION_FAILED'].map(signOf),
    ).toEqual(['fault', 'fault', 'other', 'other']);
  });
});
