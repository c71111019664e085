import { type Claims } from '../delivery/claim';
import { type LaneKeeper } from '../delivery/lane-keeper';

/** What a worker takes its work from. */
export class Queue {
  constructor(
    readonly claims: Claims,
    readonly lanes: LaneKeeper,
  ) {}
}
