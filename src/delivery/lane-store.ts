import { type SystemTransaction } from '../database/system-transaction';
import { type NodeId } from '../kernel/ids';
import { type Json } from '../kernel/json';
import { type BreakerState } from './breaker';
import {
  BREAKERS,
  DISCOVER_LANES,
  DISOWN_LANES,
  OWN_LANES,
  PAUSE_LANE,
  RELEASE_LANES,
  SAVE_BREAKER,
} from './lane-store.sql';

/** A lane in which something is due soon, as the database sees it. Times are seconds from now. */
export type FoundLane = {
  tenant_id: string;
  lane_id: string;
  rank: number;
  due_in: number;
  weight: Json;
  held: boolean;
  drained: boolean;
  max_in_flight: number | null;
  rate_limit: { requests: number; per_seconds: number } | null;
  /** In care: has a row of its own, to which the rest belongs. */
  in_care: boolean;
  /** Until another node's ownership ends, negative where it has; null where no other node had it last. */
  taken_for: number | null;
  breaker: BreakerState | null;
  consecutive_failures: number | null;
  probe_in: number | null;
  paused_for: number | null;
  reset_at: Date | null;
};

export interface LaneName {
  tenantId: string;
  laneId: string;
  destinationName: string;
}

export type LaneChange =
  | { kind: 'breaker'; lane: LaneName; state: BreakerState; failures: number; probeInSeconds: number | null }
  | { kind: 'pause'; lane: LaneName; seconds: number };

/** How long a lane stays with its owner without a word from it. */
export const OWNED_SECONDS = 5;
/** Found ahead of their time, so that a retry starts when it is due and not at the next look. */
const AHEAD_SECONDS = 5;

/** Lanes as all workers share them: across tenants, which is why it goes through the system's door. */
export class LaneStore {
  constructor(
    private readonly system: Pick<SystemTransaction, 'query'>,
    readonly node: NodeId,
  ) {}

  discover(): Promise<FoundLane[]> {
    return this.system.query<FoundLane>(DISCOVER_LANES, [AHEAD_SECONDS, this.node]);
  }

  own(
    lanes: readonly { tenantId: string; laneId: string }[],
  ): Promise<{ lane_id: string; elsewhere: number }[]> {
    const tenants = lanes.map(({ tenantId }) => tenantId);
    const ids = lanes.map(({ laneId }) => laneId);
    return this.system.query(OWN_LANES, [this.node, tenants, ids, OWNED_SECONDS]);
  }

  async disownAll(): Promise<void> {
    await this.system.query(DISOWN_LANES, [this.node]);
  }

  /** Returns the lanes that are not in care any more. */
  async release(laneIds: readonly string[]): Promise<string[]> {
    const rows = await this.system.query<{ lane_id: string }>(RELEASE_LANES, [this.node, laneIds]);
    return rows.map(({ lane_id }) => lane_id);
  }

  async save(change: LaneChange): Promise<void> {
    const { tenantId, laneId, destinationName } = change.lane;
    if (change.kind === 'pause') {
      await this.system.query(PAUSE_LANE, [tenantId, laneId, destinationName, change.seconds]);
    } else {
      const { state, failures, probeInSeconds } = change;
      const values = [this.node, tenantId, laneId, destinationName, state, failures, probeInSeconds];
      await this.system.query(SAVE_BREAKER, values);
    }
  }

  breakers(): Promise<{ tenant_id: string; destination_name: string; breaker: BreakerState }[]> {
    return this.system.query(BREAKERS, []);
  }
}
