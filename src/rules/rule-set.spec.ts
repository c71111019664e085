import { type JsonObject } from '../kernel/json';
import { type Candidate, type Decision } from './decision';
import { decide } from './decide';
import { explainRules } from './explain';
import { type Verdict, verdictOf } from './expressions';
import { Misses } from './misses';
import { parsePattern } from './pattern';
import { compileRule, matchRules, pendingExpressions, type RuleDefinition, RuleSet } from './rule-set';

const EVENT: JsonObject = { data_type: 'order', priority: 'normal', payload: { amount: 250, country: 'IT' } };

function rule(
  rule_type: RuleDefinition['rule_type'],
  name: string,
  actions: JsonObject,
  extra: Partial<RuleDefinition> = {},
): RuleDefinition {
  const base = { conditions: {}, priority: 0, enabled: true, version: 1, tenant_id: 'roma' };
  return { ...base, id: `id of ${name}`, name, rule_type, actions, ...extra };
}
const routing = (name: string, actions: JsonObject, extra: Partial<RuleDefinition> = {}) =>
  rule('routing', name, actions, extra);

function setOf(rules: RuleDefinition[]): RuleSet {
  const set = new RuleSet();
  for (const one of rules) {
    const compiled = compileRule(one);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
    set.put(compiled.rule);
  }
  return set;
}

const known = (name: string, extra: Partial<Candidate> = {}): [string, Candidate] => [
  name,
  { name, tags: [], status: 'active', health_status: 'healthy', ...extra },
];

const REGISTERED = new Map<string, Candidate>([
  known('crm', { tags: ['eu'] }),
  known('archive', { tags: ['eu', 'slow'], health_status: 'unknown' }),
  known('lake', { tags: ['us'] }),
  known('sick', { tags: ['us'], health_status: 'unhealthy' }),
  known('off', { status: 'inactive' }),
  known('old', { status: 'deprecated' }),
  known('pause', { status: 'maintenance' }),
]);

function decided(
  rules: RuleDefinition[],
  requested: string[] = [],
  verdicts: [string, Verdict][] = [],
): Decision {
  const matched = matchRules([setOf(rules)], EVENT);
  const input = { priority: 'normal' as const, requested, registered: REGISTERED };
  return decide(matched, new Map(verdicts), input);
}

const names = ({ destinations }: Decision): string[] => destinations.map(({ name }) => name);
const effects = ({ reasons }: Decision): string[] =>
  reasons.map(({ rule: by, effect, destination }) => [by, effect, destination].filter(Boolean).join(' '));

type RoutingCase = [string, string[], RuleDefinition[], string[], string[]];
const ROUTING: RoutingCase[] = [
  ['adds names', ['lake'], [routing('r', { destinations: ['crm'] })], ['lake', 'crm'], ['r added crm']],
  [
    'adds by tag, by name',
    [],
    [routing('r', { tags: ['eu'] })],
    ['archive', 'crm'],
    ['r added archive', 'r added crm'],
  ],
  [
    'leaves what is planned already',
    ['crm'],
    [routing('r', { destinations: ['crm'] })],
    ['crm'],
    ['r no_effect'],
  ],
  [
    'replaces, and keeps what both ask for',
    ['lake', 'crm'],
    [routing('r', { destinations: ['crm', 'archive'], mode: 'replace' })],
    ['crm', 'archive'],
    ['r added archive', 'r removed lake'],
  ],
  [
    'removes by name and by tag',
    ['lake', 'crm', 'archive'],
    [routing('r', { destinations: ['lake'], tags: ['slow'], mode: 'remove' })],
    ['crm'],
    ['r removed lake', 'r removed archive'],
  ],
  [
    'ends at a rule that says stop',
    [],
    [
      routing('first', { destinations: ['crm'], stop: true }, { priority: 2 }),
      routing('second', { destinations: ['lake'] }, { priority: 1 }),
    ],
    ['crm'],
    ['first added crm', 'first stopped', 'second no_effect'],
  ],
  [
    'asks the higher priority first, then the name',
    [],
    [
      routing('b', { destinations: ['lake'] }),
      routing('a', { destinations: ['crm'] }),
      routing('c', { destinations: ['archive'] }, { priority: 1 }),
    ],
    ['archive', 'crm', 'lake'],
    ['c added archive', 'a added crm', 'b added lake'],
  ],
  [
    'skips what is unhealthy, inactive, deprecated or unknown, not what is in maintenance',
    [],
    [routing('r', { destinations: ['sick', 'off', 'old', 'nobody', 'pause'] })],
    ['pause'],
    ['r skipped sick', 'r skipped off', 'r skipped old', 'r skipped nobody', 'r added pause'],
  ],
  [
    'takes the first fallback that can be used',
    [],
    [routing('r', { destinations: ['sick', 'crm'], fallback: ['off', 'lake', 'archive'] })],
    ['crm', 'lake'],
    ['r skipped sick', 'r added crm', 'r skipped off', 'r fallback lake'],
  ],
  [
    'needs no fallback where everything can be used',
    [],
    [routing('r', { destinations: ['crm'], fallback: ['lake'] })],
    ['crm'],
    ['r added crm'],
  ],
  [
    'takes the fallback where nothing carries the tag',
    [],
    [routing('r', { tags: ['mars'], fallback: ['lake'] })],
    ['lake'],
    ['r skipped', 'r fallback lake'],
  ],
  [
    'leaves alone what the submitter asked for, whatever its state',
    ['off', 'sick'],
    [routing('r', { destinations: ['sick'], mode: 'replace' })],
    ['sick'],
    ['r removed off'],
  ],
];

describe('routing', () => {
  it.each(ROUTING)('%s', (_name, requested, rules, destinations, reasons) => {
    const decision = decided(rules, requested);
    expect(names(decision)).toEqual(destinations);
    expect(effects(decision)).toEqual(reasons);
  });
});

describe('filtering', () => {
  it('drops a job with the reason given, and asks no further rule', () => {
    const decision = decided(
      [routing('r', { destinations: ['crm'] }), rule('filtering', 'f', { drop: true, reason: 'a test' })],
      ['lake'],
    );
    expect(decision).toMatchObject({ dropped: 'a test', destinations: [] });
    expect(effects(decision)).toEqual(['f dropped', 'r no_effect']);
  });

  it('excludes by name and tag, also from what routing would add', () => {
    const decision = decided(
      [
        rule('filtering', 'f', { exclude_destinations: ['eu', 'lake'] }),
        routing('r', { destinations: ['crm', 'pause'], fallback: ['lake'] }),
      ],
      ['archive', 'lake'],
    );
    expect(names(decision)).toEqual(['pause']);
    expect(effects(decision)).toEqual([
      'f excluded archive',
      'f excluded lake',
      'r skipped crm',
      'r added pause',
    ]);
  });
});

describe('prioritization', () => {
  it('takes the word of the first rule', () => {
    const decision = decided([
      rule('prioritization', 'b', { priority: 'low' }),
      rule('prioritization', 'a', { priority: 'critical' }),
    ]);
    expect(decision.priority).toBe('critical');
    expect(effects(decision)).toEqual(['a prioritized', 'b no_effect']);
  });
});

describe('transformation', () => {
  it('gives each destination the transform of the first rule that names it, after routing', () => {
    const decision = decided(
      [
        rule('transformation', 'all', { transform: 'plain' }),
        rule('transformation', 'eu', { transform: 'short', destinations: ['eu'] }, { priority: 1 }),
        rule('transformation', 'none', { transform: 'x', destinations: ['lake'] }, { priority: 1 }),
        routing('r', { destinations: ['crm'] }),
      ],
      ['pause'],
    );
    expect(decision.destinations.map(({ name, transform }) => [name, transform])).toEqual([
      ['pause', 'plain'],
      ['crm', 'short'],
    ]);
    expect(decision.destinations[1]?.because.map(({ rule: by }) => by)).toEqual(['r', 'eu']);
  });
});

describe('a rule set', () => {
  it('evaluates by type, whatever the priority, and takes global rules with those of the tenant', () => {
    const global = setOf([routing('same', { destinations: ['lake'] }, { tenant_id: null, id: 'g' })]);
    const own = setOf([
      routing('same', { destinations: ['crm'] }, { priority: 0, id: 't' }),
      rule('filtering', 'f', { exclude_destinations: ['archive'] }, { priority: -5 }),
      rule('transformation', 'x', { transform: 'x' }, { priority: 99 }),
    ]);
    expect(matchRules([own, global], EVENT).map(({ id }) => id)).toEqual(['id of f', 'g', 't', 'id of x']);
  });

  it('matches only enabled rules whose pattern holds, and follows changes', () => {
    const amount = { payload: { amount: [{ numeric: ['>', 100] }] } };
    const rules = [
      routing('yes', { stop: true }, { conditions: amount }),
      routing('no', { stop: true }, { conditions: { data_type: ['invoice'] } }),
      routing('off', { stop: true }, { enabled: false }),
    ];
    const set = setOf(rules);
    const matched = (): string[] => matchRules([set], EVENT).map(({ name }) => name);
    expect(matched()).toEqual(['yes']);
    const changed = compileRule({ ...rules[0]!, conditions: { data_type: ['invoice'] }, version: 2 });
    if (changed.ok) set.put(changed.rule);
    expect(matched()).toEqual([]);
    set.remove('id of no');
    expect(set.size).toBe(2);
  });

  it('asks for the expressions of the rules that matched, and of no other', () => {
    const set = setOf([
      routing('a', { stop: true }, { conditions: { data_type: ['order'], $expr: 'true' } }),
      routing('b', { stop: true }, { conditions: { data_type: ['invoice'], $expr: 'true' } }),
    ]);
    expect(pendingExpressions(matchRules([set], EVENT), EVENT)).toEqual([
      { ruleId: 'id of a', expression: 'true', event: EVENT },
    ]);
  });

  it.each<[string, Verdict, string[], string[]]>([
    ['applies where it is true', verdictOf({ ruleId: 'r', result: true }), ['crm'], ['r added crm']],
    ['does not where it is false', verdictOf({ ruleId: 'r', result: false }), [], []],
    ['does not where it is no boolean', verdictOf({ ruleId: 'r', result: 'yes' }), [], ['r failed']],
    ['does not where it fails', verdictOf({ ruleId: 'r', error: 'too long' }), [], ['r failed']],
    ['does not where nobody answers', verdictOf(undefined), [], ['r failed']],
  ])('with an expression %s', (_name, verdict, destinations, reasons) => {
    const rules = [routing('r', { destinations: ['crm'] }, { conditions: { $expr: 'x' } })];
    const decision = decided(rules, [], [['id of r', verdict]]);
    expect(names(decision)).toEqual(destinations);
    expect(effects(decision)).toEqual(reasons);
  });
});

describe('explanations', () => {
  it('tell of every rule why it did or did not apply', () => {
    const set = setOf([
      routing('adds', { destinations: ['crm'] }, { priority: 9 }),
      routing('misses', { stop: true }, { conditions: { payload: { country: ['DE'], amount: [250] } } }),
      routing('off', { stop: true }, { enabled: false }),
      routing('asks', { stop: true }, { conditions: { $expr: 'false' } }),
    ]);
    const matched = matchRules([set], EVENT);
    const verdicts = new Map([['id of asks', { applies: false }]]);
    const input = { priority: 'normal' as const, requested: [], registered: REGISTERED };
    const { reasons } = decide(matched, verdicts, input);
    const { rules, omitted } = explainRules(set.all(), matched, verdicts, reasons, EVENT, 10);
    expect(omitted).toBe(0);
    expect(rules.map(({ rule: name, matched, applied, why }) => [name, matched, applied, ...why])).toEqual([
      ['adds', true, true, 'crm is named'],
      ['asks', false, false, 'the pattern matches, $expr gives false'],
      ['misses', false, false, 'payload.country has no value that the rule asks for'],
      ['off', false, false, 'the rule is disabled'],
    ]);
  });

  it('name the nearest alternative, and elements of a list that do not fit together', () => {
    const why = (conditions: JsonObject, event: JsonObject): string[] => {
      const parsed = parsePattern(conditions);
      return parsed.ok ? new Misses([parsed.pattern], event).whyNot(parsed.pattern) : [];
    };
    expect(why({ $or: [{ a: [1], b: [1] }, { c: [1] }] }, { a: 2 })).toEqual([
      'c has no value that the rule asks for',
    ]);
    const event = {
      list: [
        { a: 1, b: 2 },
        { a: 2, b: 1 },
      ],
    };
    expect(why({ list: { a: [1], b: [1] } }, event)).toEqual([
      'each field is satisfied, but only by different elements of one list',
    ]);
  });
});

describe('actions', () => {
  it.each<[RuleDefinition['rule_type'], JsonObject, string[]]>([
    ['filtering', {}, ['actions']],
    ['filtering', { drop: false }, ['actions.drop']],
    ['filtering', { drop: true, exclude_destinations: ['a'] }, ['actions']],
    ['filtering', { exclude_destinations: ['a'], reason: 'x' }, ['actions.reason']],
    ['filtering', { exclude_destinations: [] }, ['actions.exclude_destinations']],
    ['prioritization', {}, ['actions.priority']],
    ['prioritization', { priority: 'urgent' }, ['actions.priority']],
    ['routing', {}, ['actions']],
    ['routing', { destinations: ['a', 5] }, ['actions.destinations[1]']],
    ['routing', { destinations: ['a'], mode: 'set' }, ['actions.mode']],
    ['routing', { destinations: ['a'], stop: 'yes' }, ['actions.stop']],
    ['routing', { destinations: ['a'], mode: 'remove', fallback: ['b'] }, ['actions.fallback']],
    ['routing', { stop: true, mode: 'replace' }, ['actions.mode']],
    ['routing', { destination: ['a'], stop: true }, ['actions.destination']],
    ['transformation', {}, ['actions.transform']],
    ['transformation', { transform: {} }, ['actions.transform']],
    ['transformation', { transform: 't', destinations: 'a' }, ['actions.destinations']],
  ])('of a %s rule are refused: %j', (type, actions, fields) => {
    const compiled = compileRule(rule(type, 'r', actions));
    expect(compiled.ok ? [] : compiled.issues.map(({ field }) => field)).toEqual(fields);
  });
});
