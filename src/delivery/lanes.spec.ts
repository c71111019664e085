import { type FoundLane } from './lane-store';
import { Lanes } from './lanes';

const found: FoundLane = {
  tenant_id: 'tenant',
  lane_id: 'lane',
  rank: 4,
  due_in: 0,
  weight: 1,
  held: false,
  drained: false,
  max_in_flight: 2,
  rate_limit: null,
  in_care: true,
  taken_for: null,
  breaker: 'closed',
  consecutive_failures: 0,
  probe_in: null,
  paused_for: null,
  reset_at: null,
};

describe('a lane with a limit that this process owns', () => {
  it('keeps its limit when it was empty for a moment and is woken before the next look', () => {
    const lanes = new Lanes({ threshold: 5, recoveryMs: 60_000 });
    lanes.found([found], 0, 0);
    lanes.owned([{ lane_id: 'lane', elsewhere: 0 }], 0, 0);
    lanes.found([], 1000, 1000);
    lanes.wake([{ tenantId: 'tenant', laneId: 'lane', rank: 4 }], 1100);
    expect(lanes.offers(50, 50, 1100)).toEqual([{ tenantId: 'tenant', laneId: 'lane', quota: 2 }]);
  });
});
