import { type DeliveryId, type JobId, type AttemptId, type DestinationId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';

/** A delivery of a job that is locked, as it is at this moment. */
export type DeliveryState = {
  job_id: JobId;
  delivery_id: DeliveryId;
  /** Its place in the job's list of destinations. */
  position: number;
  name: string;
  protocol: string;
  destination_id: DestinationId | null;
  inline: JsonObject | null;
  /** Of its latest attempt. */
  attempt_id: AttemptId;
  attempt_number: number;
  status: 'pending' | 'success' | 'failed' | 'retry' | 'cancelled';
  error_code: string | null;
  error_message: string | null;
  /** A worker holds it. */
  in_flight: boolean;
  round_start: number;
  /** Of its latest dead letter; null where it has none. */
  letter: 'dead' | 'redriven' | 'discarded' | null;
  ordering_key: string | null;
};

export interface Wish {
  /** Undefined = every destination. */
  destinations?: readonly string[] | undefined;
  /** Leave alone what succeeded. */
  onlyFailed: boolean;
  /** Only what is a dead letter that nobody has dealt with. */
  onlyDead?: boolean;
  /** Also what somebody gave up for good. */
  withDiscarded?: boolean;
}

/**
 * What a replay does with a delivery. `replayed`: it was settled and is sent again. `superseded`: its automatic
 * retry waited and goes out now. All others are left as they are: `in_flight` a worker holds it; `waiting` it has
 * not been sent since it was accepted or last replayed, and will be; `succeeded`; `discarded` somebody gave it up;
 * `not_dead` its dead letter was dealt with already.
 */
export type Choice =
  'replayed' | 'superseded' | 'in_flight' | 'waiting' | 'succeeded' | 'discarded' | 'not_dead';

/** Undefined for a delivery that the wish is not about. */
export function choose(state: DeliveryState, wish: Wish): Choice | undefined {
  if (wish.destinations?.includes(state.name) === false) return undefined;
  if (wish.onlyDead === true && state.letter !== 'dead') return 'not_dead';
  switch (state.status) {
    case 'pending':
    case 'retry':
      if (state.in_flight) return 'in_flight';
      return state.attempt_number > state.round_start + 1 ? 'superseded' : 'waiting';
    case 'success':
      return wish.onlyFailed ? 'succeeded' : 'replayed';
    case 'failed':
    case 'cancelled':
      return state.letter === 'discarded' && wish.withDiscarded !== true ? 'discarded' : 'replayed';
  }
}
