/** What a limit allows: `requests` in `windowSeconds` in the long run, `capacity` at once. */
export interface Limit {
  requests: number;
  windowSeconds: number;
  capacity: number;
}

/** A bucket as a process saw it last. Others take from it meanwhile: an estimate, for headers and refusals only. */
export interface Sighting extends Limit {
  /** Below zero where a batch larger than the capacity was let through. */
  tokens: number;
  /** Milliseconds since the epoch. */
  at: number;
}

const perMs = ({ requests, windowSeconds }: Limit): number => requests / (windowSeconds * 1000);

/** More than this never passes, however long one waits. */
export const mostAtOnce = ({ requests, capacity }: Limit): number => Math.max(requests, capacity);

export const tokensAt = (seen: Sighting, now: number): number =>
  Math.min(seen.capacity, seen.tokens + Math.max(0, now - seen.at) * perMs(seen));

/** Until so many tokens are there; a request larger than the capacity needs a full bucket. */
export function waitMs(seen: Sighting, tokens: number, now: number): number {
  const missing = Math.min(tokens, seen.capacity) - tokensAt(seen, now);
  return missing <= 0 ? 0 : Math.ceil(missing / perMs(seen));
}

/** When the bucket is full if nothing more is taken. */
export const fullAt = (seen: Sighting, now: number): number => now + waitMs(seen, seen.capacity, now);
