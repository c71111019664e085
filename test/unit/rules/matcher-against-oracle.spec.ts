import fc from 'fast-check';
import { type Json, type JsonObject } from '../../../src/kernel/json';
import { PatternMatcher, matches } from '../../../src/rules/matcher';
import { parsePattern, type Pattern } from '../../../src/rules/pattern';
import { events, patterns } from './arbitraries';
import { oracle } from './oracle';

/** Pattern/event pairs. A night's run: RULES_CASES=1000000; RULES_SEED repeats a run. */
const CASES = Number(process.env.RULES_CASES ?? 60_000);
const SEED = Number(process.env.RULES_SEED ?? Date.now() % 2_147_483_647);

const RULES = 30;
const EVENTS = 4;

function parsed(input: JsonObject): Pattern {
  const result = parsePattern(input);
  if (!result.ok) throw new Error(`generated an invalid pattern: ${JSON.stringify([input, result.issues])}`);
  return result.pattern;
}

const expected = (rules: ReadonlyMap<number, JsonObject>, event: JsonObject): number[] =>
  [...rules].filter(([, pattern]) => oracle(pattern, event)).map(([id]) => id);

const sorted = (ids: number[]): number[] => ids.sort((a, b) => a - b);

/** Events as they come from a parser: no object occurs in two places. */
const fresh = <T extends Json>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** All rules on one value, as rules on one data type are: what makes the matcher tell them apart further down. */
const crowd = (object: JsonObject, value: Json): JsonObject => ({ ...object, kind: value });

const scenario = fc.record({
  isCrowded: fc.boolean(),
  rules: fc.array(patterns, { minLength: RULES, maxLength: RULES }),
  later: fc.array(patterns, { minLength: 10, maxLength: 10 }),
  removed: fc.uniqueArray(fc.nat(RULES - 1), { maxLength: RULES }),
  replaced: fc.uniqueArray(fc.nat(RULES - 1), { maxLength: 5 }),
  events: fc.array(events.map(fresh), { minLength: EVENTS, maxLength: EVENTS }),
});

/** At once, so that a long run that is cut off, or never ends, can be repeated all the same. */
if (process.env.RULES_CASES !== undefined) {
  process.stderr.write(`property run of ${CASES} pairs: RULES_SEED=${SEED}\n`);
}

let pairs = 0;
let hits = 0;

function checkAll(
  matcher: PatternMatcher<number>,
  rules: ReadonlyMap<number, JsonObject>,
  all: JsonObject[],
): void {
  for (const event of all) {
    const ids = expected(rules, event);
    expect(sorted(matcher.match(event))).toEqual(sorted(ids));
    pairs += rules.size;
    hits += ids.length;
  }
}

describe('the compiled matcher', () => {
  it('finds exactly the rules that the oracle finds, also after rules were added, replaced and removed', () => {
    const run = fc.property(scenario, ({ isCrowded, rules, later, removed, replaced, events: drawn }) => {
      const all = isCrowded ? drawn.map((event) => crowd(event, 'k')) : drawn;
      const matcher = new PatternMatcher<number>();
      const current = new Map<number, JsonObject>();
      const add = (id: number, pattern: JsonObject): void => {
        matcher.add(id, parsed(pattern));
        current.set(id, pattern);
      };
      rules.forEach((pattern, id) => add(id, pattern));
      checkAll(matcher, current, all);
      for (const id of removed) expect(matcher.remove(id)).toBe(current.delete(id));
      checkAll(matcher, current, all);
      later.forEach((pattern, i) => add(RULES + i, pattern));
      for (const id of replaced) add(id, later[id % later.length] as JsonObject);
      checkAll(matcher, current, all);
      for (const id of [...current.keys()]) matcher.remove(id);
      expect(all.flatMap((event) => matcher.match(event))).toEqual([]);
    });
    const pairsARun = (RULES + RULES / 2 + RULES) * EVENTS;
    fc.assert(run, { numRuns: Math.ceil(CASES / pairsARun), seed: SEED });
    expect(pairs).toBeGreaterThanOrEqual(Math.min(CASES, 20_000));
    // Agreement on "no match" alone would prove little.
    expect(hits / pairs).toBeGreaterThan(0.1);
  }, 3_600_000);

  it('agrees with the oracle on one pattern alone', () => {
    const run = fc.property(patterns, events.map(fresh), (pattern, event) => {
      expect(matches(parsed(pattern), event)).toBe(oracle(pattern, event));
    });
    fc.assert(run, { numRuns: Math.ceil(CASES / 20), seed: SEED });
  });
});
