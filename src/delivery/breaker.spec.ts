import fc from 'fast-check';
import { allowance, AT_REST, type Breaker, judged, probing, type Verdict } from './breaker';

const settings = { threshold: 5, recoveryMs: 60_000 };

/** Some verdicts, one after the other, at the time 0. */
const after = (verdicts: readonly Verdict[], from: Breaker = AT_REST, now = 0): Breaker =>
  verdicts.reduce((breaker, verdict) => judged(breaker, verdict, settings, now), from);
const times = (count: number, verdict: Verdict): Verdict[] => Array.from({ length: count }, () => verdict);

describe('a breaker', () => {
  it('opens at the fifth consecutive failure, for the recovery time', () => {
    expect(after(times(4, 'faulty'))).toEqual({ state: 'closed', failures: 4 });
    expect(after(times(5, 'faulty'))).toEqual({ state: 'open', failures: 5, probeAt: 60_000 });
  });

  it('counts anew after a success, and not what says nothing of the destination', () => {
    expect(after([...times(4, 'faulty'), 'alive', ...times(4, 'faulty')]).state).toBe('closed');
    expect(after(times(100, 'unknown'))).toBe(AT_REST);
  });

  it('lets one probe go when its time has come, and not before', () => {
    const open = after(times(5, 'faulty'));
    expect(allowance(probing(open, 59_999))).toBe(0);
    expect(allowance(probing(open, 60_000))).toBe(1);
  });

  it('opens again when the probe fails', () => {
    const probe = probing(after(times(5, 'faulty')), 60_000);
    expect(judged(probe, 'faulty', settings, 61_000)).toMatchObject({ state: 'open', probeAt: 121_000 });
  });

  it('recovers at a growing pace: 2, 4, 8 … until it is closed', () => {
    let breaker = probing(after(times(5, 'faulty')), 60_000);
    const paces: number[] = [];
    for (let sent = 0; breaker !== AT_REST; sent++) {
      if (paces.at(-1) !== allowance(breaker)) paces.push(allowance(breaker));
      breaker = judged(breaker, 'alive', settings, 0);
      expect(sent).toBeLessThan(200);
    }
    expect(paces).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });

  it('bears single failures while it recovers, and opens again at five in a row', () => {
    const recovering = judged({ state: 'half_open', failures: 5 }, 'alive', settings, 0);
    expect(after(['faulty', 'alive', 'faulty'], recovering).state).toBe('recovering');
    expect(after(times(5, 'faulty'), recovering).state).toBe('open');
  });
});

describe('a breaker, whatever happens,', () => {
  it('is not moved by what ends while it is open', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<Verdict>('alive', 'faulty', 'unknown')), (verdicts) => {
        const open = after(times(5, 'faulty'));
        expect(after(verdicts, open, 1)).toBe(open);
      }),
    );
  });

  it('lets no probe go before its time, and is open after five failures in a row', () => {
    const step = fc.tuple(fc.constantFrom<Verdict>('alive', 'faulty', 'unknown'), fc.nat(40_000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let breaker = AT_REST;
        let now = 0;
        let openedAt = Number.NEGATIVE_INFINITY;
        for (const [verdict, passed] of steps) {
          now += passed;
          breaker = probing(breaker, now);
          if (breaker.state === 'half_open') expect(now - openedAt).toBeGreaterThanOrEqual(60_000);
          const before = breaker.state;
          breaker = judged(breaker, verdict, settings, now);
          if (breaker.state === 'open' && before !== 'open') openedAt = now;
          if (breaker.state === 'closed') expect(breaker.failures).toBeLessThan(5);
        }
      }),
    );
  });
});
