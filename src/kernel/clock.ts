/** The current time as an argument: decisions take `now`, only loops ask a clock. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
