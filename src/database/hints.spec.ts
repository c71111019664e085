import { randomBytes, randomUUID } from 'node:crypto';
import { ANYWHERE, Hints } from './hints';

const hashKey = randomBytes(32);
const hints = new Hints(hashKey);
const otherProcess = new Hints(hashKey);
const lanes = (count: number) => new Set(Array.from({ length: count }, () => randomUUID()));

describe('hints between processes', () => {
  it('are opened by every process of the service and name nothing to anybody else', () => {
    const some = lanes(3);
    const said = hints.ofLanes(some);
    for (const lane of some) expect(said).not.toContain(lane);
    expect(otherProcess.lanesIn(said)).toEqual([...some]);
    expect(hints.ofOwner('comune-roma')).not.toContain('comune-roma');
    expect(otherProcess.ownerIn(hints.ofOwner('comune-roma'))).toBe('comune-roma');
    expect(otherProcess.ownerIn(hints.ofOwner(null))).toBeNull();
  });

  it('are as long for a short id as for a long one, and different each time', () => {
    const [short, long] = [hints.ofOwner('a'), hints.ofOwner('b'.repeat(50))];
    expect(short).toHaveLength(long.length);
    expect(hints.ofOwner('a')).not.toBe(short);
  });

  it('fit into a notification, however many lanes there are', () => {
    expect(hints.ofLanes(lanes(100)).length).toBeLessThan(7900);
    expect(otherProcess.lanesIn(hints.ofLanes(lanes(101)))).toBeUndefined();
    expect(otherProcess.lanesIn(hints.ofLanes(new Set([ANYWHERE])))).toBeUndefined();
  });

  it('of a process of the version before are understood', () => {
    const open = [...lanes(2)];
    expect(hints.lanesIn(open.join())).toEqual(open);
    expect(hints.lanesIn(ANYWHERE)).toBeUndefined();
    expect(hints.ownerIn('comune-roma')).toBe('comune-roma');
    expect(hints.ownerIn('')).toBeNull();
  });

  it('that nobody of the service said mean anywhere and everybody', () => {
    const stranger = new Hints(randomBytes(32));
    const misplaced = hints.ofOwner('comune-roma');
    for (const words of ['', 'v1.', 'nonsense', stranger.ofLanes(lanes(1)), misplaced]) {
      expect(hints.lanesIn(words)).toBeUndefined();
    }
    for (const words of ['v1.', stranger.ofOwner('comune-roma'), hints.ofLanes(lanes(1))]) {
      expect(hints.ownerIn(words)).toBeNull();
    }
  });
});
