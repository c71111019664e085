import fc from 'fast-check';
import { shareOut, type Slots, type Waiting } from './shares';

const lane = (laneId: string, over: Partial<Waiting> = {}): Waiting => ({
  laneId,
  tenantId: 'one',
  weight: 1,
  inFlight: 0,
  most: Number.POSITIVE_INFINITY,
  rank: 4,
  turnAt: 0,
  ...over,
});

const slots = (room: number, free = room, inFlight: Record<string, number> = {}): Slots => ({
  room,
  free,
  now: 1000,
  inFlightOf: (tenant) => inFlight[tenant] ?? 0,
});

const sum = (quotas: ReadonlyMap<string, number>): number =>
  [...quotas.values()].reduce((all, one) => all + one, 0);

/** As rounds of claims would: everything that is given stays in flight. */
function fill(lanes: Waiting[], concurrency: number): { lanes: Waiting[]; free: number } {
  let held = lanes;
  for (;;) {
    const inFlight: Record<string, number> = {};
    for (const { tenantId, inFlight: count } of held) inFlight[tenantId] = (inFlight[tenantId] ?? 0) + count;
    const free = concurrency - held.reduce((all, one) => all + one.inFlight, 0);
    const quotas = shareOut(held, slots(Math.min(free, 100), free, inFlight));
    if (quotas.size === 0) return { lanes: held, free };
    held = held.map((one) => ({
      ...one,
      inFlight: one.inFlight + (quotas.get(one.laneId) ?? 0),
      turnAt: 1000,
    }));
  }
}

describe('sharing out slots', () => {
  it('gives tenants their shares by weight', () => {
    const quotas = shareOut(
      [lane('a', { tenantId: 'heavy', weight: 3 }), lane('b', { tenantId: 'light' })],
      slots(40, 400),
    );
    expect([...quotas]).toEqual([
      ['a', 30],
      ['b', 10],
    ]);
  });

  it('gives a tenant that has much in flight nothing before the others have as much', () => {
    const quotas = shareOut(
      [lane('busy', { tenantId: 'busy' }), lane('quiet', { tenantId: 'quiet' })],
      slots(20, 100, { busy: 50 }),
    );
    expect([...quotas]).toEqual([['quiet', 20]]);
  });

  it('alternates between the lanes of a tenant, the longest without a turn first', () => {
    const lanes = [lane('new', { turnAt: 900 }), lane('old', { turnAt: 100 }), lane('mid', { turnAt: 500 })];
    expect([...shareOut(lanes, slots(1, 400)).keys()]).toEqual(['old']);
    expect([...shareOut(lanes, slots(9, 400)).values()]).toEqual([3, 3, 3]);
  });

  it('puts urgent lanes first, until others have waited for as long as their slack', () => {
    const critical = lane('critical', { rank: 0, turnAt: 1000 });
    expect([...shareOut([lane('normal', { turnAt: 900 }), critical], slots(1, 400)).keys()]).toEqual([
      'critical',
    ]);
    const patient = lane('normal', { turnAt: 1000 - 15_001 });
    expect([...shareOut([patient, critical], slots(1, 400)).keys()]).toEqual(['normal']);
  });
});

describe('the slots of a process', () => {
  it('go to a lane within its own limits', () => {
    expect(shareOut([lane('limited', { most: 2 })], slots(100, 512)).get('limited')).toBe(2);
  });

  it('are held to a quarter by one lane that hangs, and never all by many', () => {
    expect(fill([lane('hanging')], 512).lanes[0]?.inFlight).toBe(128);
    const many = Array.from({ length: 60 }, (_, index) => lane(`${index}`));
    const { free } = fill(many, 512);
    expect(free).toBeGreaterThan(512 / 10);
    const spread = Array.from({ length: 60 }, (_, index) => lane(`${index}`, { tenantId: `${index % 20}` }));
    expect(fill(spread, 512).free).toBeGreaterThanOrEqual(6);
  });

  it('are given out where there is work, and never more than there are', () => {
    const lanes = fc.array(
      fc.record({
        laneId: fc.uuid(),
        tenantId: fc.constantFrom('a', 'b', 'c'),
        weight: fc.integer({ min: 1, max: 100 }),
        inFlight: fc.constant(0),
        most: fc.integer({ min: 1, max: 50 }),
        rank: fc.integer({ min: 0, max: 7 }),
        turnAt: fc.nat(100_000),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(lanes, fc.integer({ min: 1, max: 100 }), fc.nat(400), (waiting, room, more) => {
        const quotas = shareOut(waiting, slots(room, room + more));
        expect(sum(quotas)).toBeLessThanOrEqual(room);
        expect(sum(quotas)).toBeGreaterThan(0);
        for (const { laneId, most } of waiting) expect(quotas.get(laneId) ?? 0).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('come to every lane in its turn', () => {
    const waiting = Array.from({ length: 30 }, (_, index) =>
      lane(`${index}`, { rank: index % 8, turnAt: 0 }),
    );
    const served = new Set<string>();
    let now = 1000;
    for (let round = 0; served.size < 30; round++, now += 1000) {
      expect(round).toBeLessThan(400);
      const [first] = shareOut(waiting, { ...slots(1, 100), now }).keys();
      served.add(first ?? '');
      const turn = waiting.find(({ laneId }) => laneId === first);
      if (turn !== undefined) turn.turnAt = now;
    }
  });
});
