import { type Json, type JsonObject } from '../kernel/json';
import { PatternMatcher, matches } from './matcher';
import { type Pattern, parsePattern } from './pattern';

function pattern(input: JsonObject): Pattern {
  const parsed = parsePattern(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.pattern;
}

const matchesEvent = (input: JsonObject, event: JsonObject): boolean => matches(pattern(input), event);

/** The entry of a field's list, and values of the field that satisfy it or do not; `undefined` is a missing field. */
type Case = [entry: Json, satisfiedBy: (Json | undefined)[], notBy: (Json | undefined)[]];

const cases: Case[] = [
  ['x', ['x', ['y', 'x']], ['X', 'xx', '', null, ['y'], undefined]],
  ['', [''], [null, [], 'x', undefined]],
  [12, [12, 12.0, [1, 12]], ['12', 12.5, null]],
  [300, [3.0e2], ['300', '3.0e2']],
  [0, [-0], [false, '', null]],
  [true, [true], [1, 'true', false]],
  [false, [false], [0, '', null, undefined]],
  [null, [null, [1, null]], [0, false, '', 'null', [], {}, undefined]],
  [{ prefix: 'ab' }, ['ab', 'abc'], ['a', 'Ab', 'cab', 12, null, undefined]],
  [{ prefix: '' }, ['', 'x'], [1, null, undefined]],
  [{ prefix: { 'equals-ignore-case': 'aB' } }, ['abc', 'ABC'], ['a', 'bab', null]],
  [{ suffix: '.png' }, ['.png', 'a.png'], ['.PNG', 'png', '.png ', null]],
  [{ suffix: { 'equals-ignore-case': '.PNG' } }, ['a.png', 'a.pNG'], ['png', null]],
  [{ 'equals-ignore-case': 'Élan' }, ['élan', 'ÉLAN', 'Élan'], ['elan', 'élan ', 1]],
  [{ 'equals-ignore-case': 'ΟΔΟΣ' }, ['οδος', 'οδοσ'], ['οδο']],
  [{ 'equals-ignore-case': 'strasse' }, ['STRASSE'], ['straße']],
  [{ wildcard: 'a*b' }, ['ab', 'a--b', 'abab'], ['a', 'b', 'abc', 'A-b', 1, null]],
  [{ wildcard: '*' }, ['', 'x'], [1, null, undefined]],
  [{ wildcard: 'a*a' }, ['aa', 'aba'], ['a']],
  [{ wildcard: '*ab*ab' }, ['abab', 'xabxab'], ['ab', 'xab', 'aab']],
  [{ wildcard: '*a*b*' }, ['ab', 'xaxbx'], ['ba', 'a', 'b']],
  [{ wildcard: 'plain' }, ['plain'], ['plain ', 'xplain']],
  [{ wildcard: '\\*\\\\*' }, ['*\\', '*\\x'], ['x\\', '\\*\\\\']],
  [{ wildcard: 'a.c' }, ['a.c'], ['abc']],
  [{ 'anything-but': 'x' }, ['y', 'X', '', 1, true, null, ['x', 'y']], ['x', ['x', 'x'], [], {}, undefined]],
  [{ 'anything-but': 5 }, [6, '5', null], [5, undefined]],
  [{ 'anything-but': ['x', 'y'] }, ['z', 1, null], ['x', 'y', ['x', 'y'], undefined]],
  [{ 'anything-but': [1, 2] }, [3, '1', null], [1, 2, undefined]],
  [{ 'anything-but': { prefix: 'ab' } }, ['a', 'xab', 5, null, true], ['ab', 'abc', undefined]],
  [{ 'anything-but': { prefix: ['a', 'b'] } }, ['c', 5], ['a1', 'b1', undefined]],
  [{ 'anything-but': { suffix: 'z' } }, ['za', 5], ['z', 'az']],
  [{ 'anything-but': { suffix: ['y', 'z'] } }, ['a'], ['ay', 'az']],
  [{ 'anything-but': { 'equals-ignore-case': 'No' } }, ['yes', 'nope', 0, null], ['no', 'NO']],
  [{ 'anything-but': { 'equals-ignore-case': ['no', 'never'] } }, ['yes'], ['No', 'NEVER']],
  [{ 'anything-but': { wildcard: '*/tmp/*' } }, ['/var', 1, null], ['/tmp/', 'a/tmp/b']],
  [{ 'anything-but': { wildcard: ['a*', '*z'] } }, ['b'], ['a', 'z']],
  [{ numeric: ['=', 5] }, [5, 5.0], ['5', 5.1, null, undefined]],
  [{ numeric: ['<', 5] }, [4.99, -5], [5, '4', null, false]],
  [{ numeric: ['<=', 5] }, [5], [5.01]],
  [{ numeric: ['>', 5] }, [5.01], [5, '6', null]],
  [{ numeric: ['>=', 5] }, [5], [4.99]],
  [{ numeric: ['>', 0, '<=', 5] }, [0.1, 5, [9, 3]], [0, 5.1, '3', null, [-1, 9]]],
  [{ numeric: ['>=', 0, '<', 5] }, [0], [5, -0.1]],
  [{ exists: true }, ['', null, 0, [null], [1]], [[], {}, { x: 1 }, [[]], undefined]],
  [{ exists: false }, [undefined, [], {}, { x: 1 }, [[]]], ['', null, 0, [1]]],
  [
    { cidr: '10.0.0.0/24' },
    ['10.0.0.0', '10.0.0.255'],
    ['10.0.1.0', '10.0.0.256', '10.0.0.01', '::ffff:10.0.0.1', 1],
  ],
  [{ cidr: '0.0.0.0/0' }, ['255.255.255.255'], ['::1', 'host', '']],
  [{ cidr: '10.0.0.7/32' }, ['10.0.0.7'], ['10.0.0.8']],
  [
    { cidr: '2001:db8::/32' },
    ['2001:db8::1', '2001:0DB8:0:0:0:0:0:1'],
    ['2001:db9::', '10.0.0.1', '2001:db8::1%eth0'],
  ],
  [{ cidr: '::1/128' }, ['::1', '0:0:0:0:0:0:0:1', '::0.0.0.1'], ['::2', '::', ':::1']],
];

const eventWith = (value: Json | undefined): JsonObject =>
  value === undefined ? { other: 1 } : { field: value };
const shown = (value: Json | undefined): string => JSON.stringify(value) ?? 'a missing field';

describe.each(cases)('a field with %j', (entry, satisfiedBy, notBy) => {
  it.each(satisfiedBy.map((value) => [shown(value), value]))('is satisfied by %s', (_name, value) => {
    expect(matchesEvent({ field: [entry] }, eventWith(value))).toBe(true);
  });

  it.each(notBy.map((value) => [shown(value), value]))('is not satisfied by %s', (_name, value) => {
    expect(matchesEvent({ field: [entry] }, eventWith(value))).toBe(false);
  });
});

describe('a pattern', () => {
  it('without fields matches every event', () => {
    expect(matchesEvent({}, {})).toBe(true);
    expect(matchesEvent({ $expr: 'payload.a = 1' }, { x: 1 })).toBe(true);
  });

  it('needs all fields, and of each one value of its list', () => {
    const both = { a: ['x', 'y'], b: [{ prefix: 'p' }, { exists: false }] };
    expect(matchesEvent(both, { a: 'y', b: 'pq' })).toBe(true);
    expect(matchesEvent(both, { a: 'y' })).toBe(true);
    expect(matchesEvent(both, { a: 'z', b: 'pq' })).toBe(false);
    expect(matchesEvent(both, { a: 'y', b: 'q' })).toBe(false);
  });

  it.each<[JsonObject]>([[{ 'a.b.c': ['x'] }], [{ a: { 'b.c': ['x'] } }], [{ a: { b: { c: ['x'] } } }]])(
    '%j finds the path however the event spells it',
    (input) => {
      expect(matchesEvent(input, { a: { b: { c: 'x' } } })).toBe(true);
      expect(matchesEvent(input, { 'a.b': { c: 'x' } })).toBe(true);
      expect(matchesEvent(input, { 'a.b.c': 'x' })).toBe(true);
      expect(matchesEvent(input, { a: { B: { c: 'x' } } })).toBe(false);
      expect(matchesEvent(input, { a: { b: 'x' } })).toBe(false);
    },
  );

  it('takes names of the object prototype as plain names', () => {
    const own = JSON.parse('{"__proto__":{"x":["y"]},"constructor":["z"]}') as JsonObject;
    expect(matchesEvent(own, JSON.parse('{"__proto__":{"x":"y"},"constructor":"z"}') as JsonObject)).toBe(
      true,
    );
    expect(matchesEvent(own, {})).toBe(false);
    expect(matchesEvent({ toString: [{ exists: true }] }, {})).toBe(false);
  });

  it('may state a path beside and inside $or: both must hold', () => {
    const input = { a: [{ prefix: 'x' }], $or: [{ a: [{ suffix: 'y' }] }, { b: [1] }] };
    expect(matchesEvent(input, { a: 'xy' })).toBe(true);
    expect(matchesEvent(input, { a: 'x', b: 1 })).toBe(true);
    expect(matchesEvent(input, { a: 'x' })).toBe(false);
    expect(matchesEvent(input, { a: 'y', b: 1 })).toBe(false);
  });

  it('combines $or with fields, with other $or and inside itself', () => {
    const input = {
      kind: ['k'],
      $or: [{ a: [1] }, { b: [2], $or: [{ c: [3] }, { d: [4] }] }],
      payload: { $or: [{ x: ['y'] }, { z: [{ exists: true }] }] },
    };
    expect(matchesEvent(input, { kind: 'k', a: 1, payload: { x: 'y' } })).toBe(true);
    expect(matchesEvent(input, { kind: 'k', b: 2, d: 4, payload: { z: null } })).toBe(true);
    expect(matchesEvent(input, { kind: 'k', b: 2, payload: { x: 'y' } })).toBe(false);
    expect(matchesEvent(input, { kind: 'k', a: 1, payload: { x: 'n' } })).toBe(false);
    expect(matchesEvent(input, { kind: 'n', a: 1, payload: { x: 'y' } })).toBe(false);
  });
});

describe('array consistency', () => {
  const item = { items: { sku: ['a'], qty: [{ numeric: ['>', 5] }] } };

  it('does not let two elements of one array satisfy a rule together', () => {
    expect(
      matchesEvent(item, {
        items: [
          { sku: 'a', qty: 1 },
          { sku: 'b', qty: 9 },
        ],
      }),
    ).toBe(false);
    expect(
      matchesEvent(item, {
        items: [
          { sku: 'b', qty: 1 },
          { sku: 'a', qty: 9 },
        ],
      }),
    ).toBe(true);
    expect(matchesEvent(item, { items: [{ sku: 'a' }, { qty: 9 }] })).toBe(false);
  });

  it('holds in long arrays too', () => {
    const apart = Array.from({ length: 1000 }, (_, i) =>
      i % 2 ? { sku: 'a', qty: 1 } : { sku: 'b', qty: 9 },
    );
    expect(matchesEvent(item, { items: apart })).toBe(false);
    expect(matchesEvent(item, { items: [...apart, { sku: 'a', qty: 9 }] })).toBe(true);
  });

  it('lets different arrays be satisfied by different positions', () => {
    const two = { a: { x: [1] }, b: { y: [2] } };
    expect(matchesEvent(two, { a: [{ x: 0 }, { x: 1 }], b: [{ y: 2 }, { y: 0 }] })).toBe(true);
  });

  it('joins a field of an outer element only with fields inside that element', () => {
    const nested = { orders: { id: [1], lines: { sku: ['a'], ok: [true] } } };
    const line = (sku: string, ok: boolean): JsonObject => ({ sku, ok });
    const order = (id: number, ...lines: JsonObject[]): JsonObject => ({ id, lines });
    const other = order(2, line('a', true), line('b', false));
    expect(matchesEvent(nested, { orders: [order(1, line('b', true), line('b', false)), other] })).toBe(
      false,
    );
    expect(matchesEvent(nested, { orders: [order(1, line('b', true), line('a', true)), other] })).toBe(true);
    expect(matchesEvent(nested, { orders: [order(1, line('a', false), line('b', true)), other] })).toBe(
      false,
    );
  });
});

describe('array consistency at its borders', () => {
  it('tells arrays inside arrays apart', () => {
    const pair = { m: { x: [1], y: [1] } };
    expect(matchesEvent(pair, { m: [[{ x: 1 }, { y: 1 }], [{ x: 1, y: 0 }]] })).toBe(false);
    expect(matchesEvent(pair, { m: [[{ x: 1 }], [{ x: 1, y: 1 }, {}]] })).toBe(true);
  });

  it('does not bind plain values, nor fields outside of arrays', () => {
    expect(matchesEvent({ tags: ['a'], $or: [{ tags: ['b'] }, { x: [1] }] }, { tags: ['a', 'b'] })).toBe(
      true,
    );
    expect(matchesEvent({ top: [1], items: { x: [2] } }, { top: 1, items: [{ x: 1 }, { x: 2 }] })).toBe(true);
  });

  it('counts a field as absent only where no element has it', () => {
    const without = { items: { sku: ['a'], gone: [{ exists: false }] } };
    expect(matchesEvent(without, { items: [{ sku: 'a' }, { sku: 'b' }] })).toBe(true);
    expect(matchesEvent(without, { items: [{ sku: 'a' }, { sku: 'b', gone: 1 }] })).toBe(false);
  });

  it('tries every spelling of a path that an event uses side by side', () => {
    const event = { 'a.b': [{ x: 1 }, { y: 2 }], a: { b: [{ x: 0 }, { x: 9, y: 1 }] } };
    expect(matchesEvent({ a: { b: { x: [1], y: [1] } } }, event)).toBe(true);
    expect(matchesEvent({ a: { b: { x: [1], y: [2] } } }, event)).toBe(false);
  });

  it.each(['a.b', 'a'])('finds the one way in which two spellings can serve, %s first', (first) => {
    const both = { 'a.b': [{ x: 1 }, {}], a: { b: [{ x: 1 }, { y: 1 }] } };
    const event = first === 'a' ? { a: both.a, 'a.b': both['a.b'] } : both;
    expect(matchesEvent({ a: { b: { x: [1], y: [1] } } }, event)).toBe(true);
    expect(matchesEvent({ a: { b: { x: [1], y: [2] } } }, event)).toBe(false);
  });
});

const filled = (count: number, rule: (i: number) => JsonObject): PatternMatcher<number> => {
  const matcher = new PatternMatcher<number>();
  for (let i = 0; i < count; i++) matcher.add(i, pattern(rule(i)));
  return matcher;
};

describe('a matcher of several rules', () => {
  it('returns each rule once, also where several alternatives and values match', () => {
    const matcher = new PatternMatcher<string>();
    matcher.add('r', pattern({ $or: [{ a: ['x', { prefix: 'x' }, 'y'] }, { b: [{ exists: true }] }] }));
    expect(matcher.match({ a: ['x', 'y', 'xz'], b: 1 })).toEqual(['r']);
  });

  it('replaces a rule that is added again', () => {
    const matcher = new PatternMatcher<string>();
    matcher.add('r', pattern({ a: [1] }));
    matcher.add('r', pattern({ a: [2] }));
    expect([matcher.size, matcher.match({ a: 1 }), matcher.match({ a: 2 })]).toEqual([1, [], ['r']]);
  });

  it('says whether a removed rule was there', () => {
    const matcher = new PatternMatcher<string>();
    matcher.add('r', pattern({}));
    expect([matcher.remove('r'), matcher.remove('r'), matcher.has('r'), matcher.match({})]).toEqual([
      true,
      false,
      false,
      [],
    ]);
  });

  it('hands out results that later changes leave alone', () => {
    const matcher = filled(3, () => ({ a: [1] }));
    const before = matcher.match({ a: 1 });
    matcher.remove(0);
    matcher.add(7, pattern({ a: [1] }));
    expect(before.sort()).toEqual([0, 1, 2]);
    expect(matcher.match({ a: 1 }).sort()).toEqual([1, 2, 7]);
  });
});

describe('a matcher of many rules', () => {
  it('tells thousands of rules on one value apart, and forgets each that is removed', () => {
    const matcher = filled(3000, (i) => ({
      data_type: ['order'],
      payload: { id: [i], n: [{ numeric: ['>=', i] }] },
    }));
    expect(matcher.match({ data_type: 'order', payload: { id: 1234, n: 2000 } })).toEqual([1234]);
    expect(matcher.match({ data_type: 'order', payload: { id: 1234, n: 1000 } })).toEqual([]);
    expect(matcher.match({ data_type: 'invoice', payload: { id: 1234, n: 2000 } })).toEqual([]);
    for (let i = 0; i < 3000; i += 2) matcher.remove(i);
    expect(matcher.match({ data_type: 'order', payload: { id: [1233, 1234], n: 2000 } })).toEqual([1233]);
  });

  it('keeps identical rules apart by their ids', () => {
    const matcher = filled(500, () => ({ a: ['x'], b: [{ 'anything-but': 'y' }] }));
    expect(matcher.match({ a: 'x', b: 1 })).toHaveLength(500);
    for (let i = 0; i < 499; i++) matcher.remove(i);
    expect(matcher.match({ a: 'x', b: 1 })).toEqual([499]);
  });

  it('reads events nested a hundred thousand deep', () => {
    const depth = 100_000;
    const event = JSON.parse(`{"a":${'[1,'.repeat(depth)}{"x":1,"y":2}${']'.repeat(depth)}}`) as JsonObject;
    expect(matchesEvent({ a: { x: [1], y: [2] } }, event)).toBe(true);
    expect(matchesEvent({ a: { x: [1], y: [3] } }, event)).toBe(false);
  });
});
