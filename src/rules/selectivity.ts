import { type Matcher } from './matchers';

/**
 * How often, roughly, a matcher is satisfied by an event that has its field: the smaller, the better it serves as the
 * way to its rules. Only the order matters; a bad guess costs time, never correctness.
 */
const WEIGHTS = {
  value: 1,
  /** true, false and null are few. */
  flag: 30,
  longText: 2,
  shortText: 10,
  wildcard: 5,
  openWildcard: 40,
  boundedRange: 10,
  openRange: 40,
  present: 80,
  anythingBut: 90,
  absent: 100,
} as const;

/** Characters from which on a prefix, suffix or wildcard is taken to be rare. */
const LONG_TEXT = 3;

export function weight(matcher: Matcher): number {
  switch (matcher.kind) {
    case 'exact':
      return typeof matcher.value === 'boolean' || matcher.value === null ? WEIGHTS.flag : WEIGHTS.value;
    case 'equals-ignore-case':
      return WEIGHTS.value;
    case 'prefix':
    case 'suffix':
      return matcher.text.length >= LONG_TEXT ? WEIGHTS.longText : WEIGHTS.shortText;
    case 'cidr':
      return WEIGHTS.longText;
    case 'wildcard':
      return matcher.pieces.some((piece) => piece.length >= LONG_TEXT)
        ? WEIGHTS.wildcard
        : WEIGHTS.openWildcard;
    case 'numeric':
      return Number.isFinite(matcher.range.low + matcher.range.high)
        ? WEIGHTS.boundedRange
        : WEIGHTS.openRange;
    case 'exists':
      return matcher.present ? WEIGHTS.present : WEIGHTS.absent;
    case 'anything-but':
    case 'anything-but-text':
      return WEIGHTS.anythingBut;
  }
}
