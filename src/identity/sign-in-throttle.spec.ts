import fc from 'fast-check';
import { countFailure, type Failures, networkOf } from './sign-in-throttle';

const NOW = new Date('2026-11-21T10:00:00Z');
const none: Failures = { failures: 0, lastFailureAt: NOW, lockedUntil: null };
const secondsOf = ({ lockedUntil }: Failures): number =>
  lockedUntil === null ? 0 : (lockedUntil.getTime() - NOW.getTime()) / 1000;

describe('a failed sign-in', () => {
  it('costs nothing at first, then half a minute, and twice as much each time, up to a quarter of an hour', () => {
    const waits: number[] = [];
    for (let known = none; waits.length < 12;) {
      known = countFailure(NOW, known, 5);
      waits.push(secondsOf(known));
    }
    expect(waits).toEqual([0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
  });

  it('is forgotten an hour after the last', () => {
    const many = { ...none, failures: 50, lastFailureAt: new Date(NOW.getTime() - 3_600_001) };
    expect(countFailure(NOW, many, 5)).toEqual({ failures: 1, lastFailureAt: NOW, lockedUntil: null });
  });

  it('never makes the wait shorter, nor longer than a quarter of an hour', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 100 }), (failures, allowed) => {
        const one = countFailure(NOW, { ...none, failures }, allowed);
        const two = countFailure(NOW, one, allowed);
        return secondsOf(one) <= secondsOf(two) && secondsOf(two) <= 900;
      }),
    );
  });
});

describe('the network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['no address', 'no address'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
