/**
 * Work that matching one event still may do, in units of a few nanoseconds: a value tried, a node visited, a character
 * searched. Whoever repeats something for many rules spends for it before or right after, so that no rules and no event,
 * whoever wrote them, hold the process up for longer than the allowance.
 */
export interface Work {
  /** Throws MatchingTooCostly where the allowance is used up. */
  spend(units: number): void;
}

/** For each event, so that rules which must be tried one by one may be tens of thousands. */
export const BASE_ALLOWANCE = 2_000_000;
/** For each character and each value on paths that rules mention: a larger event may take longer, in proportion. */
export const ALLOWANCE_PER_CHARACTER = 8;

/** Not a fault of the program: these rules and this event do not go together. */
export class MatchingTooCostly extends Error {
  constructor() {
    super('matching this event against the rules takes more work than one event is allowed');
  }
}
