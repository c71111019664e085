import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type JsonObject } from '../src/kernel/json';
import { PatternMatcher } from '../src/rules/matcher';
import { parsePattern, type Pattern } from '../src/rules/pattern';
import { MatchingTooCostly } from '../src/rules/work';
import { naiveMatcher } from './naive-matcher';
import { type Figure, type Report } from './report';
import { RULE_KINDS, events, largeEvent, longText } from './rule-workloads';

type Kind = keyof typeof RULE_KINDS;

const COUNTS = [1, 10, 100, 1_000, 10_000, 100_000];
/** The naive matcher is not asked for more: it would measure patience. */
const NAIVE_COUNTS = 10_000;
const KINDS = Object.keys(RULE_KINDS) as Kind[];
const EVENTS = events(100);

/** Milliseconds that one measurement takes, in slices of which the best counts: other work on the machine only slows. */
const SLICES = 6;
const SLICE_MS = 40;

/** Throughput by number of rules, compilation, change and large events; about a minute. */
export async function rulesBench(report: Report): Promise<void> {
  for (const kind of KINDS) curve(kind, report);
  compilation(report);
  largeEvents(report);
}

function curve(kind: Kind, report: Report): void {
  const scenario = `rules/${kind}`;
  const rates = new Map<number, number>();
  const ten = compiled(kind, 10);
  for (const count of COUNTS) {
    const matcher = compiled(kind, count);
    // Beside every larger set the one of ten, so that both see the machine in the same mood.
    const [rate, ofTen] = sideBySide(matcher, ten);
    rates.set(count, rate / ofTen);
    report({
      scenario,
      figure: `events_per_second_${label(count)}`,
      unit: 'events/s',
      ...beside(kind, count, rate),
    });
  }
  const over = (count: number): number => round(rates.get(count) ?? 0);
  report({ scenario, figure: 'rules_10k_over_10', value: over(10_000), unit: 'ratio' });
  report({ scenario, figure: 'rules_100k_over_10', value: over(100_000), unit: 'ratio' });
}

/** The naive matcher in the same run, where it can be waited for. */
function beside(kind: Kind, count: number, rate: number): Pick<Figure, 'value' | 'baseline' | 'ratio'> {
  if (count > NAIVE_COUNTS) return { value: Math.round(rate) };
  const rules = Array.from({ length: count }, (_, i) => naiveMatcher(RULE_KINDS[kind](i)));
  const naive = best((event) => rules.filter((matches) => matches(event)).length, count > 100 ? 2 : SLICES);
  const baseline = {
    baseline: 'naive linear matcher',
    baseline_value: round(naive),
    ratio: round(rate / naive),
  };
  return { value: Math.round(rate), ...baseline };
}

function sideBySide(one: PatternMatcher<number>, other: PatternMatcher<number>): [number, number] {
  const rates: [number, number] = [0, 0];
  for (let i = 0; i < SLICES; i++) {
    rates[0] = Math.max(
      rates[0],
      slice((event) => one.match(event).length),
    );
    rates[1] = Math.max(
      rates[1],
      slice((event) => other.match(event).length),
    );
  }
  return rates;
}

function best(match: (event: JsonObject) => number, slices: number): number {
  return Math.max(...Array.from({ length: slices }, () => slice(match)));
}

/** Events per second during one slice. */
function slice(match: (event: JsonObject) => number): number {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < SLICE_MS) {
    for (let i = 0; i < 10; i++) match(EVENTS[done++ % EVENTS.length] as JsonObject);
    elapsed = performance.now() - start;
  }
  return (done / elapsed) * 1000;
}

function compilation(report: Report): void {
  const count = 100_000;
  const scenario = `rules/change`;
  const before = heapMegabytes();
  const sources = Array.from({ length: count }, (_, i) => JSON.stringify(RULE_KINDS.mixed(i)));
  const start = performance.now();
  const matcher = new PatternMatcher<number>();
  sources.forEach((source, i) => matcher.add(i, pattern(JSON.parse(source) as JsonObject)));
  const compile = performance.now() - start;
  report({ scenario, figure: 'compile_100k', value: Math.round(compile), unit: 'ms' });
  sources.length = 0;
  report({ scenario, figure: 'memory_100k', value: Math.round(heapMegabytes() - before), unit: 'MB' });
  const added = additions(matcher, count);
  report({
    scenario,
    figure: 'add_one_to_100k_and_match_median',
    value: round(added[100] as number),
    unit: 'ms',
  });
  report({
    scenario,
    figure: 'add_one_to_100k_and_match_worst_of_200',
    value: round(added[199] as number),
    unit: 'ms',
  });
  const removal = performance.now();
  for (let i = 0; i < 200; i++) matcher.remove(i * 7);
  const removed = (performance.now() - removal) / 200;
  report({ scenario, figure: 'remove_one_from_100k', value: round(removed), unit: 'ms' });
}

/** Milliseconds of each of 200 additions, sorted. The worst ones are collections of young garbage, not work of ours. */
function additions(matcher: PatternMatcher<number>, from: number): number[] {
  const times = Array.from({ length: 200 }, (_, i) => {
    const start = performance.now();
    matcher.add(from + i, pattern(RULE_KINDS.mixed(from + i)));
    matcher.match(EVENTS[0] as JsonObject);
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b);
}

/** Twice the size must cost about twice the time: `ratio` is the growth against the event of half the size. */
function largeEvents(report: Report): void {
  const phrases = filled(10_000, (i) => ({ payload: { note: [{ wildcard: `*error ${i} at*` }] } }));
  sizes('10k_rules_long_list', compiled('mixed', 10_000), largeEvent, report);
  sizes('10k_wildcards_long_text', phrases, longText, report);
  crafted(report);
}

function sizes(
  name: string,
  matcher: PatternMatcher<number>,
  eventOf: (bytes: number) => JsonObject,
  report: Report,
): void {
  let half: number | undefined;
  for (const kilobytes of [16, 32, 64, 128, 256]) {
    const event = eventOf(kilobytes * 1024);
    const value = 1000 / best(() => matcher.match(event).length, SLICES);
    const growth =
      half === undefined
        ? {}
        : { baseline: 'event of half the size', baseline_value: round(half), ratio: round(value / half) };
    report({
      scenario: 'rules/large-event',
      figure: `${name}_${kilobytes}kb`,
      value: round(value),
      unit: 'ms',
      ...growth,
    });
    half = value;
  }
}

/** Wildcards that each search the whole text again: how long until the job is refused. */
function crafted(report: Report): void {
  const matcher = filled(2000, (i) => ({
    payload: { note: [{ wildcard: `*${'ab'.repeat(1 + (i % 100))}*z${i}*` }] },
  }));
  const event = { payload: { note: 'ab'.repeat(128 * 1024) } };
  const refused = (): number => {
    try {
      return matcher.match(event).length;
    } catch (error) {
      if (error instanceof MatchingTooCostly) return 0;
      throw error;
    }
  };
  const value = round(1000 / best(refused, SLICES));
  report({
    scenario: 'rules/large-event',
    figure: 'crafted_wildcards_256kb_until_refused',
    value,
    unit: 'ms',
  });
}

const filled = (count: number, rule: (i: number) => JsonObject): PatternMatcher<number> => {
  const matcher = new PatternMatcher<number>();
  for (let i = 0; i < count; i++) matcher.add(i, pattern(rule(i)));
  return matcher;
};

const compiled = (kind: Kind, count: number): PatternMatcher<number> => filled(count, RULE_KINDS[kind]);

function pattern(input: JsonObject): Pattern {
  const parsed = parsePattern(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.pattern;
}

function heapMegabytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1e6;
}

const label = (count: number): string => (count >= 1000 ? `${count / 1000}k` : String(count));
const round = (value: number): number => Number(value.toPrecision(3));
