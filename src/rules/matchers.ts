import { foldCase } from './fold-case';
import { type Range, inRange } from './indexes/range-tree';
import { addressBits } from './ip-address';

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

/** Whether a value that is present satisfies the matcher; so `exists: false` never does. */
export function satisfies(matcher: Matcher, value: Scalar): boolean {
  switch (matcher.kind) {
    case 'exact':
      return matcher.value === value;
    case 'prefix':
    case 'suffix':
    case 'equals-ignore-case':
    case 'wildcard':
      return typeof value === 'string' && textSatisfies(matcher, value);
    case 'anything-but':
      return !matcher.values.has(value);
    case 'anything-but-text':
      return typeof value !== 'string' || !matcher.none.some((refused) => textSatisfies(refused, value));
    case 'numeric':
      return typeof value === 'number' && inRange(matcher.range, value);
    case 'exists':
      return matcher.present;
    case 'cidr':
      return typeof value === 'string' && (addressBits(value)?.startsWith(matcher.bits) ?? false);
  }
}

function textSatisfies(matcher: TextMatcher, value: string): boolean {
  switch (matcher.kind) {
    case 'prefix':
      return (matcher.ignoreCase ? foldCase(value) : value).startsWith(matcher.text);
    case 'suffix':
      return (matcher.ignoreCase ? foldCase(value) : value).endsWith(matcher.text);
    case 'equals-ignore-case':
      return value.length === matcher.text.length && foldCase(value) === matcher.text;
    case 'wildcard':
      return fits(matcher.pieces, value);
  }
}

/** Each inner piece is taken at its first occurrence, which leaves the most room for those after it. */
function fits(pieces: readonly string[], value: string): boolean {
  const start = pieces[0] ?? '';
  if (pieces.length === 1) return value === start;
  const end = pieces[pieces.length - 1] ?? '';
  const limit = value.length - end.length;
  if (start.length > limit || !value.startsWith(start) || !value.endsWith(end)) return false;
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
