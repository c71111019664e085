import { type Json } from '../kernel/json';
import { LIMITS, type ParsedPattern, parsePattern } from './pattern';
import { WILDCARD_LIMITS } from './wildcard';

const issues = (parsed: ParsedPattern): { field: string; issue: string }[] =>
  parsed.ok ? [] : parsed.issues;

/** Conditions that are refused, the field that the only issue names, and a part of its reason. */
const refused: [input: unknown, field: string, reason: RegExp][] = [
  ['x', 'conditions', /must be an object of fields/],
  [[], 'conditions', /must be an object of fields/],
  [null, 'conditions', /must be an object of fields/],
  [{ a: 'x' }, 'conditions.a', /must be a list .* write \["x"\]/],
  [{ a: { b: 5 } }, 'conditions.a.b', /write \[5\]/],
  [{ a: null }, 'conditions.a', /write \[null\]/],
  [{ a: { prefix: 'x' } }, 'conditions.a.prefix', /meant as an operator, write \[\{"prefix":"x"\}\]/],
  [{ a: { numeric: ['>', 5] } }, 'conditions.a.numeric', /operator where a field is expected/],
  [{ a: { 'anything-but': ['x'] } }, 'conditions.a.anything-but', /operator where a field is expected/],
  [{ a: [] }, 'conditions.a', /empty list/],
  [{ a: {} }, 'conditions.a', /empty object/],
  [{ a: { b: {} } }, 'conditions.a.b', /empty object/],
  [{ a: [['x']] }, 'conditions.a[0]', /list inside a list/],
  [{ a: [1e999] }, 'conditions.a[0]', /finite number/],
  [{ a: [undefined] }, 'conditions.a[0]', /must be a string/],
  [{ 'a.b': ['x'], a: { b: ['y'] } }, 'conditions.a.b', /a second time/],
  [{ a: [{}] }, 'conditions.a[0]', /exactly one operator/],
  [{ a: [{ prefix: 'x', suffix: 'y' }] }, 'conditions.a[0]', /exactly one operator/],
  [{ a: [{ Prefix: 'x' }] }, 'conditions.a[0].Prefix', /no operator here; allowed.*prefix/],
  [{ a: ['ok', { toString: 'x' }] }, 'conditions.a[1].toString', /no operator/],
  [{ a: [{ prefix: ['x'] }] }, 'conditions.a[0].prefix', /one string, not a list/],
  [{ a: [{ prefix: 5 }] }, 'conditions.a[0].prefix', /must be a string/],
  [{ a: [{ prefix: { suffix: 'x' } }] }, 'conditions.a[0].prefix.suffix', /equals-ignore-case/],
  [
    { a: [{ suffix: { 'equals-ignore-case': ['x'] } }] },
    'conditions.a[0].suffix.equals-ignore-case',
    /not a list/,
  ],
  [{ a: [{ suffix: ['x'] }] }, 'conditions.a[0].suffix', /not a list/],
  [{ a: [{ 'equals-ignore-case': ['x'] }] }, 'conditions.a[0].equals-ignore-case', /not a list/],
  [{ a: [{ wildcard: ['x'] }] }, 'conditions.a[0].wildcard', /not a list/],
  [{ a: [{ wildcard: 5 }] }, 'conditions.a[0].wildcard', /must be a string/],
  [{ a: [{ wildcard: 'a**b' }] }, 'conditions.a[0].wildcard', /two stars in a row/],
  [{ a: [{ wildcard: '**' }] }, 'conditions.a[0].wildcard', /two stars in a row/],
  [{ a: [{ wildcard: 'a\\b' }] }, 'conditions.a[0].wildcard', /may escape only/],
  [{ a: [{ wildcard: 'a\\' }] }, 'conditions.a[0].wildcard', /may escape only/],
  [{ a: [{ wildcard: '*a'.repeat(11) }] }, 'conditions.a[0].wildcard', /more than 10 stars/],
  [{ a: [{ wildcard: 'a'.repeat(257) }] }, 'conditions.a[0].wildcard', /longer than 256/],
  [{ a: [{ 'anything-but': null }] }, 'conditions.a[0].anything-but', /must be a string, a number/],
  [{ a: [{ 'anything-but': true }] }, 'conditions.a[0].anything-but', /must be a string, a number/],
  [{ a: [{ 'anything-but': [] }] }, 'conditions.a[0].anything-but', /non-empty list/],
  [{ a: [{ 'anything-but': ['x', 1] }] }, 'conditions.a[0].anything-but', /only strings or of only numbers/],
  [{ a: [{ 'anything-but': [null] }] }, 'conditions.a[0].anything-but', /only strings/],
  [
    { a: [{ 'anything-but': { numeric: ['>', 5] } }] },
    'conditions.a[0].anything-but.numeric',
    /no operator here/,
  ],
  [{ a: [{ 'anything-but': {} }] }, 'conditions.a[0].anything-but', /exactly one operator/],
  [{ a: [{ 'anything-but': { prefix: '' } }] }, 'conditions.a[0].anything-but.prefix', /empty prefix/],
  [
    { a: [{ 'anything-but': { suffix: ['x', ''] } }] },
    'conditions.a[0].anything-but.suffix[1]',
    /empty suffix/,
  ],
  [{ a: [{ 'anything-but': { prefix: [] } }] }, 'conditions.a[0].anything-but.prefix', /empty list/],
  [
    { a: [{ 'anything-but': { prefix: [1] } }] },
    'conditions.a[0].anything-but.prefix[0]',
    /must be a string/,
  ],
  [{ a: [{ 'anything-but': { wildcard: 'a**' } }] }, 'conditions.a[0].anything-but.wildcard', /two stars/],
  [{ a: [{ numeric: '>5' }] }, 'conditions.a[0].numeric', /list of one comparison/],
  [{ a: [{ numeric: [] }] }, 'conditions.a[0].numeric', /list of one comparison/],
  [{ a: [{ numeric: ['>', 0, '<'] }] }, 'conditions.a[0].numeric', /list of one comparison/],
  [{ a: [{ numeric: ['!=', 5] }] }, 'conditions.a[0].numeric[0]', /one of = < <= > >=/],
  [{ a: [{ numeric: ['>', '5'] }] }, 'conditions.a[0].numeric[1]', /JSON number/],
  [{ a: [{ numeric: ['>', 0, '<=', 1e999] }] }, 'conditions.a[0].numeric[3]', /finite/],
  [{ a: [{ numeric: ['<', 5, '>', 0] }] }, 'conditions.a[0].numeric', /lower bound .* first/],
  [{ a: [{ numeric: ['=', 5, '<', 9] }] }, 'conditions.a[0].numeric', /lower bound .* first/],
  [{ a: [{ numeric: ['>', 5, '<', 5] }] }, 'conditions.a[0].numeric', /can never match/],
  [
    { payload: { amount: [{ numeric: ['>', 9, '<', 5] }] } },
    'conditions.payload.amount[0].numeric',
    /never match/,
  ],
  [{ a: [{ exists: 'true' }] }, 'conditions.a[0].exists', /true or false/],
  [{ a: [{ cidr: ['10.0.0.0/8'] }] }, 'conditions.a[0].cidr', /not a list/],
  [{ a: [{ cidr: '10.0.0.0' }] }, 'conditions.a[0].cidr', /no network/],
  [{ a: [{ cidr: '10.0.0.0/33' }] }, 'conditions.a[0].cidr', /over 32/],
  [{ a: [{ cidr: '::/129' }] }, 'conditions.a[0].cidr', /over 128/],
  [{ a: [{ cidr: '10.0.0.5/24' }] }, 'conditions.a[0].cidr', /bits after the first 24/],
  [{ $or: { a: ['x'] } }, 'conditions.$or', /at least two objects/],
  [{ $or: [{ a: ['x'] }] }, 'conditions.$or', /at least two objects/],
  [{ $or: [{ a: ['x'] }, 'y'] }, 'conditions.$or[1]', /must be an object/],
  [{ $or: [{ a: ['x'] }, {}] }, 'conditions.$or[1]', /empty object/],
  [{ p: { $or: [{ a: ['x'] }, { b: 'y' }] } }, 'conditions.p.$or[1].b', /write \["y"\]/],
  [{ $expr: '' }, 'conditions.$expr', /non-empty/],
  [{ $expr: ' ' }, 'conditions.$expr', /non-empty/],
  [{ $expr: ['x'] }, 'conditions.$expr', /JSONata expression/],
  [{ $expr: 'x'.repeat(8193) }, 'conditions.$expr', /longer than 8192/],
  [{ payload: { $expr: 'x' } }, 'conditions.payload.$expr', /only at the top level/],
  [{ $or: [{ $expr: 'x' }, { a: ['x'] }] }, 'conditions.$or[0].$expr', /only at the top level/],
];

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, 80);

describe('conditions are refused', () => {
  it.each(refused.map((one) => [shown(one[0]), ...one] as const))('%s', (_name, input, field, reason) => {
    expect(issues(parsePattern(input))).toEqual([{ field, issue: expect.stringMatching(reason) as string }]);
  });

  it('with every issue at once, each with its own path', () => {
    const parsed = parsePattern({ a: 'x', b: [{ prefix: 1 }, { cidr: 'x' }], c: { d: [] } });
    expect(issues(parsed).map(({ field }) => field)).toEqual([
      'conditions.a',
      'conditions.b[0].prefix',
      'conditions.b[1].cidr',
      'conditions.c.d',
    ]);
  });

  it('under the name that the caller gives', () => {
    expect(issues(parsePattern({ a: 1 }, 'rules[3].conditions'))[0]?.field).toBe('rules[3].conditions.a');
  });

  it(`with more than ${LIMITS.fields} fields, those of $or included`, () => {
    const fields = (count: number, name: string): Json =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, [1]]));
    expect(parsePattern(fields(50, 'a')).ok).toBe(true);
    expect(issues(parsePattern(fields(51, 'a')))[0]?.issue).toMatch(
      /51 fields, more than 50: split the rule/,
    );
    const split = { $or: [fields(25, 'a'), fields(26, 'b')] };
    expect(issues(parsePattern(split))[0]?.issue).toMatch(/51 fields/);
  });

  it('where $or lists combine to too many alternatives, without combining them', () => {
    const or = (name: string): Json => ({ $or: [{ [name]: [1] }, { [name]: [2] }] });
    const lists = (count: number): Json =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, or(`g${i}`)]));
    expect(parsePattern(lists(9)).ok).toBe(true);
    const [issue] = issues(parsePattern(lists(24)));
    expect(issue?.issue).toMatch(/16777216 alternatives, more than 1000: split the rule/);
  });

  it('when nested too deep, without exhausting the stack', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}[1]${'}'.repeat(50_000)}`) as Json;
    expect(issues(parsePattern(deep))[0]?.issue).toMatch(/deeper than 64 levels/);
    const deepOr = JSON.parse(`${'{"$or":[{"b":[1]},'.repeat(5_000)}{"a":[1]}${']}'.repeat(5_000)}`) as Json;
    expect(issues(parsePattern(deepOr))[0]?.issue).toMatch(/deeper than 64 levels/);
  });
});

describe('conditions are read', () => {
  it('with $expr kept apart', () => {
    const parsed = parsePattern({ a: ['x'], $expr: 'payload.total > 5' });
    expect(parsed).toMatchObject({ ok: true, pattern: { expression: 'payload.total > 5' } });
    expect(parsed.ok && parsed.pattern.alternatives).toHaveLength(1);
  });

  it('with equal entries of one list taken once', () => {
    const parsed = parsePattern({ a: [1, 1.0, { numeric: ['=', 1] }, { prefix: 'x' }, { prefix: 'x' }] });
    expect(parsed.ok && parsed.pattern.alternatives[0]?.[0]?.anyOf).toHaveLength(2);
  });

  it('with $or expanded to every combination', () => {
    const parsed = parsePattern({ a: [1], $or: [{ b: [1] }, { c: [1], $or: [{ d: [1] }, { e: [1] }] }] });
    const paths = parsed.ok ? parsed.pattern.alternatives.map((one) => one.map(({ path }) => path)) : [];
    expect(paths).toEqual([
      ['a', 'b'],
      ['a', 'c', 'd'],
      ['a', 'c', 'e'],
    ]);
  });

  it('with wildcards at the limit', () => {
    const wildcard = '*a'.repeat(WILDCARD_LIMITS.stars);
    expect(parsePattern({ a: [{ wildcard }] }).ok).toBe(true);
  });

  it('with empty names, which are names like any other', () => {
    const parsed = parsePattern({ '': { a: ['x'] }, b: { '': ['y'] } });
    expect(parsed.ok && parsed.pattern.alternatives[0]?.map(({ path }) => path)).toEqual(['.a', 'b.']);
  });
});
