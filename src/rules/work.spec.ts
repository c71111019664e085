import { type Json, type JsonObject } from '../kernel/json';
import { PatternMatcher } from './matcher';
import { Misses } from './misses';
import { type Pattern, parsePattern } from './pattern';
import { MatchingTooCostly } from './work';

type Attack = [name: string, rules: number, rule: (i: number) => JsonObject, event: JsonObject];

const LENGTH = 250_000;
const list = (length: number, item: (i: number) => Json): Json[] => Array.from({ length }, (_, i) => item(i));

const text = { p: 'ab'.repeat(LENGTH / 2) };

const hostile: Attack[] = [
  [
    'thousands of wildcard states',
    2000,
    (i) => ({ p: [{ wildcard: `*${'ab'.repeat(1 + (i % 100))}*z${i}*` }] }),
    text,
  ],
  [
    'pieces that all begin alike',
    250,
    (i) => ({ p: [{ wildcard: `*${'a'.repeat(i + 1)}c*` }] }),
    { p: 'a'.repeat(LENGTH) },
  ],
  ['refused wildcards', 20_000, (i) => ({ p: [{ 'anything-but': { wildcard: `*a*bbb${i}*b*` } }] }), text],
  [
    'ranges around one number',
    2000,
    (i) => ({ p: [{ numeric: ['<', 5 + 1 / (i + 1)] }] }),
    { p: list(60_000, () => 5) },
  ],
  [
    'fields of long lists of objects',
    3000,
    (i) => ({ q: { a: [i, { exists: true }], b: [{ exists: true }, i], c: [{ 'anything-but': i }] } }),
    { q: list(9000, (i) => (i % 2 ? { a: i } : { b: i, c: 1 })) },
  ],
];

const honest: Attack[] = [
  [
    'a phrase each in a long text',
    10_000,
    (i) => ({ k: ['v'], p: [{ wildcard: `*error ${i} at*` }] }),
    { k: 'v', p: 'An error 17 at. '.repeat(16_000) },
  ],
  [
    'one article each of a long list',
    10_000,
    (i) => ({ k: ['v'], q: { p: [{ suffix: `-${i}` }] } }),
    { k: 'v', q: list(9000, (i) => ({ p: `x-${i}` })) },
  ],
  ['anything-but alone, in a small event', 50_000, (i) => ({ p: [{ 'anything-but': `x${i}` }] }), { p: 'y' }],
];

function patternsOf([, count, rule]: Attack): Pattern[] {
  return Array.from({ length: count }, (_, i) => {
    const parsed = parsePattern(rule(i));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    return parsed.pattern;
  });
}

function matcherOf(patterns: readonly Pattern[]): PatternMatcher<number> {
  const matcher = new PatternMatcher<number>();
  patterns.forEach((pattern, i) => matcher.add(i, pattern));
  return matcher;
}

describe('the work of matching one event', () => {
  it.each(hostile)('is stopped with %s, and the next event is matched as ever', (...attack) => {
    const patterns = patternsOf(attack);
    const matcher = matcherOf(patterns);
    matcher.add(-1, { alternatives: [[]] });
    expect(() => matcher.match(attack[3])).toThrow(MatchingTooCostly);
    expect(matcher.match({ other: 1 })).toEqual([-1]);
  });

  it.each(honest)('is done with %s', (...workload) => {
    const matcher = matcherOf(patternsOf(workload));
    expect(matcher.match(workload[3]).length).toBeGreaterThan(0);
  });

  it('is one allowance for the explanation of all misses', () => {
    const [, , , , attack] = hostile as [Attack, Attack, Attack, Attack, Attack];
    const patterns = patternsOf(attack).slice(0, 200);
    const misses = new Misses(patterns, attack[3]);
    const why = patterns.map((pattern) => misses.whyNot(pattern));
    expect(why.at(-1)).toEqual(['not examined: it takes more work than is allowed']);
  });
});
