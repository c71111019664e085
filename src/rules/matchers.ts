import { foldCase } from './fold-case';
import { type Range, inRange } from './indexes/range-tree';
import { addressBits } from './ip-address';
import { type Work } from './work';

export type Scalar = string | number | boolean | null;

/** A test of the beginning or the end of a string; `text` is folded where case is ignored. */
export interface Affix {
  kind: 'prefix' | 'suffix';
  text: string;
  ignoreCase: boolean;
}

/** What anything-but may refuse besides plain values. */
export type TextMatcher =
  | Affix
  | { kind: 'equals-ignore-case'; text: string }
  /** The literal parts around each `*`, unescaped: one more than there are stars. */
  | { kind: 'wildcard'; pieces: string[] };

export type Matcher =
  | { kind: 'exact'; value: Scalar }
  | TextMatcher
  | { kind: 'anything-but'; values: ReadonlySet<Scalar> }
  | { kind: 'anything-but-text'; none: TextMatcher[] }
  | { kind: 'numeric'; range: Range }
  | { kind: 'exists'; present: boolean }
  /** The network's leading bits, see ip-address. */
  | { kind: 'cidr'; bits: string };

/** To read a value as an address, against comparing it. */
export const READ_ADDRESS = 100;

/** Whether a value that is present satisfies the matcher; so `exists: false` never does. */
export function satisfies(matcher: Matcher, value: Scalar, work: Work): boolean {
  work.spend(1);
  switch (matcher.kind) {
    case 'exact':
      return matcher.value === value;
    case 'prefix':
    case 'suffix':
    case 'equals-ignore-case':
    case 'wildcard':
      return typeof value === 'string' && textSatisfies(matcher, value, work);
    case 'anything-but':
      return !matcher.values.has(value);
    case 'anything-but-text':
      return (
        typeof value !== 'string' || !matcher.none.some((refused) => textSatisfies(refused, value, work))
      );
    case 'numeric':
      return typeof value === 'number' && inRange(matcher.range, value);
    case 'exists':
      return matcher.present;
    case 'cidr':
      if (typeof value !== 'string') return false;
      work.spend(READ_ADDRESS);
      return addressBits(value)?.startsWith(matcher.bits) ?? false;
  }
}

function textSatisfies(matcher: TextMatcher, value: string, work: Work): boolean {
  work.spend(1);
  switch (matcher.kind) {
    case 'prefix':
      if (!matcher.ignoreCase) return value.startsWith(matcher.text);
      return equalsFolded(matcher.text, value.slice(0, matcher.text.length), work);
    case 'suffix':
      if (!matcher.ignoreCase) return value.endsWith(matcher.text);
      return equalsFolded(matcher.text, value.slice(Math.max(0, value.length - matcher.text.length)), work);
    case 'equals-ignore-case':
      return equalsFolded(matcher.text, value, work);
    case 'wildcard':
      return fits(matcher.pieces, value, work);
  }
}

function equalsFolded(folded: string, value: string, work: Work): boolean {
  if (value.length !== folded.length) return false;
  work.spend(FOLD * value.length);
  return foldCase(value) === folded;
}

/** A character outside of ASCII. */
const FOLD = 8;

/**
 * Each inner piece is taken at its first occurrence, which leaves the most room for those after it; so the value is
 * read once, however many pieces there are.
 */
function fits(pieces: readonly string[], value: string, work: Work): boolean {
  const start = pieces[0] ?? '';
  if (pieces.length === 1) return value === start;
  const end = pieces[pieces.length - 1] ?? '';
  const limit = value.length - end.length;
  if (start.length > limit || !value.startsWith(start) || !value.endsWith(end)) return false;
  if (pieces.length > 2) work.spend(Math.ceil(value.length / 2));
  let at = start.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i] as string;
    const found = value.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= limit;
}

/** Equal for matchers that mean the same, so that rules share them. */
export const matcherKey = (matcher: Matcher): string =>
  JSON.stringify(matcher, (_name, value: unknown) =>
    value instanceof Set ? [...(value as Set<Scalar>)] : value,
  );
