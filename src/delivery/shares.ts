import { SLACK_SECONDS } from '../kernel/priority';
import { Heap } from './heap';

/** A lane that has something due and may be sent to. */
export interface Waiting {
  laneId: string;
  tenantId: string;
  /** The tenant's, 1–100. */
  weight: number;
  /** Of this process. */
  inFlight: number;
  /** More that its own limits allow: cap in flight, rate, breaker. */
  most: number;
  /** Of its most urgent delivery. */
  rank: number;
  /** When it had its last turn, in milliseconds. */
  turnAt: number;
}

/** What one process has to give. */
export interface Slots {
  /** To be given in this round. */
  room: number;
  /** Not in use; at least `room`. */
  free: number;
  /** Of all lanes of a tenant, in flight in this process, also those that have nothing due. */
  inFlightOf: (tenantId: string) => number;
  now: number;
}

/**
 * A lane may hold a third of what it leaves free, so one that hangs takes a quarter of all slots, four take 57 %,
 * and there is always room for one more ("dynamic thresholds", Choudhury and Hahne 1998). The same for tenants, with
 * four times of what is left free.
 */
export const LANE_SHARE = 1 / 3;
const TENANT_SHARE = 4;

interface LaneTurn {
  lane: Waiting;
  quota: number;
  key: number;
}

interface TenantTurn {
  lanes: Heap<LaneTurn>;
  weight: number;
  inFlight: number;
}

/**
 * Free slots -> how many deliveries to claim from which lane. Each slot goes to the tenant that has least in flight
 * for its weight; in it, to the lane whose turn is due: the longest without one, urgent ones earlier by their slack.
 * Lanes that get nothing are not in the answer.
 */
export function shareOut(waiting: readonly Waiting[], slots: Slots): Map<string, number> {
  const tenants = turnsOf(waiting, slots);
  const heaviest = Math.max(...tenants.map(({ weight }) => weight));
  const turns = new Heap(tenants, (one, other) => one.inFlight * other.weight < other.inFlight * one.weight);
  const quotas = new Map<string, number>();
  let { room, free } = slots;
  while (room > 0 && turns.first !== undefined) {
    const tenant = turns.first;
    const turn = tenant.lanes.first;
    const most = Math.max(1, (TENANT_SHARE * tenant.weight * free) / heaviest);
    if (turn === undefined || tenant.inFlight >= most) {
      turns.removeFirst();
    } else if (isFull(turn, free)) {
      tenant.lanes.removeFirst();
    } else {
      quotas.set(turn.lane.laneId, ++turn.quota);
      // From now on it waits behind those that wait already; within a round lanes alternate.
      turn.key = slots.now + slackMs(turn.lane.rank) + turn.quota;
      tenant.lanes.settle();
      tenant.inFlight++;
      turns.settle();
      room--;
      free--;
    }
  }
  return quotas;
}

function isFull({ lane, quota }: LaneTurn, free: number): boolean {
  return quota >= lane.most || lane.inFlight + quota >= Math.max(1, Math.floor(free * LANE_SHARE));
}

function turnsOf(waiting: readonly Waiting[], { inFlightOf }: Slots): TenantTurn[] {
  const lanesOf = new Map<string, LaneTurn[]>();
  for (const lane of waiting) {
    const turn = { lane, quota: 0, key: lane.turnAt + slackMs(lane.rank) };
    const turns = lanesOf.get(lane.tenantId);
    if (turns === undefined) lanesOf.set(lane.tenantId, [turn]);
    else turns.push(turn);
  }
  return [...lanesOf].map(([tenantId, lanes]) => ({
    lanes: new Heap(lanes, (one, other) => one.key < other.key),
    weight: lanes[0]?.lane.weight ?? 1,
    inFlight: inFlightOf(tenantId),
  }));
}

const slackMs = (rank: number): number => 1000 * (SLACK_SECONDS[rank] ?? 0);
