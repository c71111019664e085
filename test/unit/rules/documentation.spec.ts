import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject } from '../../../src/kernel/json';
import { matches } from '../../../src/rules/matcher';
import { parseActions, type RuleType } from '../../../src/rules/actions';
import { decide } from '../../../src/rules/decide';
import { type ParsedPattern, parsePattern } from '../../../src/rules/pattern';
import { compileRule, matchRules, type RuleDefinition, RuleSet } from '../../../src/rules/rule-set';
import { oracle } from './oracle';

const PAGE = join(__dirname, '../../../docs/rules.md');

interface Example {
  /** What stands after ```json */
  info: string;
  /** Line of the page, to find it by. */
  line: number;
  value: JsonObject;
}

function examples(): Example[] {
  const page = readFileSync(PAGE, 'utf8');
  return [...page.matchAll(/^```json (.+)\n([^]*?)^```$/gm)].map((block) => ({
    info: block[1] as string,
    line: page.slice(0, block.index).split('\n').length,
    value: JSON.parse(block[2] as string) as JsonObject,
  }));
}

const isEvent = ({ info }: Example): boolean => info.startsWith('event');

/** Each event with the rule above it. */
function pairs(): { rule: Example; event: Example }[] {
  let rule: Example | undefined;
  return examples().flatMap((example) => {
    if (example.info === 'rule') rule = example;
    return isEvent(example) && rule !== undefined ? [{ rule, event: example }] : [];
  });
}

const named = <T>(all: T[], name: (one: T) => string): [string, T][] => all.map((one) => [name(one), one]);

function accepted(parsed: ParsedPattern): Extract<ParsedPattern, { ok: true }> {
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed;
}

describe('docs/rules.md', () => {
  it('has only examples that are run', () => {
    const kinds = examples().map(({ info }) => info.replace(/^refused .*/, 'refused'));
    const known = ['rule', 'event matches', 'event does not match', 'refused', 'whole rule', 'plan'];
    expect(new Set(kinds)).toEqual(new Set(known));
  });

  it.each(named(pairs(), ({ event }) => `line ${event.line}: ${event.info}`))(
    '%s',
    (_name, { rule, event }) => {
      const expected = event.info === 'event matches';
      expect(matches(accepted(parsePattern(rule.value)).pattern, event.value)).toBe(expected);
      expect(oracle(rule.value, event.value)).toBe(expected);
    },
  );

  const rules = examples().filter(({ info }) => info === 'rule');
  it.each(named(rules, ({ line }) => `line ${line}: the rule is accepted`))('%s', (_name, { value }) => {
    expect(parsePattern(value)).toHaveProperty('ok', true);
  });

  const refusals = examples().filter(({ info }) => info.startsWith('refused conditions'));
  it.each(named(refusals, ({ line, info }) => `line ${line}: ${info}`))('%s', (_name, { info, value }) => {
    const parsed = parsePattern(value);
    expect(parsed.ok ? [] : parsed.issues.map(({ field }) => field)).toEqual([info.replace('refused ', '')]);
  });

  const actions = examples().filter(({ info }) => info.startsWith('refused actions of'));
  it.each(named(actions, ({ line, info }) => `line ${line}: ${info}`))('%s', (_name, { info, value }) => {
    const [, type, field] = /of (\w+): (\S+)/.exec(info) ?? [];
    const parsed = parseActions(type as RuleType, value);
    expect(parsed.ok ? [] : parsed.issues.map((issue) => issue.field)).toEqual([field]);
  });

  const wholes = examples().filter(({ info }) => info === 'whole rule');
  it.each(named(wholes, ({ line }) => `line ${line}: the whole rule is accepted`))(
    '%s',
    (_name, { value }) => {
      expect(compileRule(definition(value))).toHaveProperty('ok', true);
    },
  );

  const plans = examples().filter(({ info }) => info === 'plan');
  it.each(named(plans, ({ line }) => `line ${line}: the plan`))('%s', (_name, { value }) => {
    expect(planned(value as unknown as PlanExample)).toMatchObject(value['gives'] as JsonObject);
  });
});

interface PlanExample {
  rules: JsonObject[];
  /** Tags by name. */
  registered: Record<string, string[]>;
  requested: string[];
}

const definition = (rule: JsonObject): RuleDefinition => ({
  ...({ id: rule['name'], conditions: {}, priority: 0, ...rule } as unknown as RuleDefinition),
  enabled: true,
  version: 1,
  tenant_id: 'any',
});

function planned({ rules, registered, requested }: PlanExample): object {
  const set = new RuleSet();
  for (const rule of rules) {
    const compiled = compileRule(definition(rule));
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
    set.put(compiled.rule);
  }
  const candidates = Object.entries(registered).map(
    ([name, tags]) => [name, { name, tags, status: 'active', health_status: 'healthy' }] as const,
  );
  const input = { priority: 'normal' as const, requested, registered: new Map(candidates) };
  const { priority, destinations } = decide(matchRules([set], {}), new Map(), input);
  return { priority, destinations: destinations.map(({ name }) => name) };
}
