import fc from 'fast-check';
import { type Json, type JsonObject } from '../../../src/kernel/json';

/** Few names, few characters and few numbers, so that patterns and events meet often. */
const NAMES = ['a', 'a', 'a', 'b', 'b', 'c'];
const characters = fc.constantFrom('x', 'x', 'x', 'y', 'X', '*', '\\', 'é');
const text = fc.string({ unit: characters, maxLength: 3 });
const number = fc.constantFrom(-1, 0, 1, 1.5, 2, 300);
const address = fc.constantFrom(
  '10.0.0.1',
  '10.0.1.1',
  '192.168.0.9',
  '2001:db8::1',
  '::',
  '10.0.0.256',
  '::1',
);
const network = fc.constantFrom(
  '10.0.0.0/24',
  '10.0.0.0/8',
  '10.0.0.1/32',
  '0.0.0.0/0',
  '2001:db8::/32',
  '::/0',
);
const scalar: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 2, arbitrary: number },
  { weight: 1, arbitrary: address },
  { weight: 1, arbitrary: fc.constantFrom(true, false, null) },
);

/** A name, or several in one dotted key. */
const key = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom('a.b', 'b.c', 'a.b.c', '') },
);

const oneOrMore = <T extends Json>(one: fc.Arbitrary<T>): fc.Arbitrary<Json> =>
  fc.oneof(
    one,
    fc.array(one, { minLength: 1, maxLength: 3 }).map((list): Json => list),
  );

const wildcard = fc
  .array(fc.constantFrom('x', 'y', 'X', 'xy', '\\*', '\\\\', '*', '*'), { maxLength: 5 })
  .map((parts) => parts.filter((part, i) => part !== '*' || parts[i - 1] !== '*').join(''));

const bounds = fc
  .uniqueArray(number, { minLength: 2, maxLength: 2 })
  .map((pair) => pair.sort((a, b) => a - b));

const numeric: fc.Arbitrary<Json> = fc.oneof(
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number),
  fc
    .tuple(fc.constantFrom('>', '>='), bounds, fc.constantFrom('<', '<='))
    .map(([lower, [low, high], upper]): Json => [lower, low as number, upper, high as number]),
);

const nonEmpty = text.filter((value) => value !== '');

const anythingBut: fc.Arbitrary<Json> = fc.oneof(
  oneOrMore(text),
  oneOrMore(number),
  oneOrMore(nonEmpty).map((prefix) => ({ prefix })),
  oneOrMore(nonEmpty).map((suffix) => ({ suffix })),
  oneOrMore(text).map((value) => ({ 'equals-ignore-case': value })),
  oneOrMore(wildcard).map((value) => ({ wildcard: value })),
);

const affix: fc.Arbitrary<Json> = fc.oneof(
  text,
  text.map((value) => ({ 'equals-ignore-case': value })),
);

const test: fc.Arbitrary<Json> = fc.oneof(
  { weight: 5, arbitrary: scalar },
  { weight: 1, arbitrary: affix.map((prefix) => ({ prefix })) },
  { weight: 1, arbitrary: affix.map((suffix) => ({ suffix })) },
  { weight: 1, arbitrary: text.map((value) => ({ 'equals-ignore-case': value })) },
  { weight: 2, arbitrary: wildcard.map((value) => ({ wildcard: value })) },
  { weight: 2, arbitrary: anythingBut.map((value) => ({ 'anything-but': value })) },
  { weight: 2, arbitrary: numeric.map((value) => ({ numeric: value })) },
  { weight: 1, arbitrary: fc.boolean().map((exists) => ({ exists })) },
  { weight: 1, arbitrary: network.map((cidr) => ({ cidr })) },
);

const list = fc.array(test, { minLength: 1, maxLength: 4 });

/** Where a path stands twice in one object, the second is left out: the parser would refuse the pattern. */
function withoutRepeats(pattern: JsonObject): JsonObject {
  return clean(pattern, '', new Set());
}

function clean(object: JsonObject, prefix: string, seen: Set<string>): JsonObject {
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(object)) {
    const path = prefix + name;
    if (name === '$or') {
      kept[name] = (value as JsonObject[]).map((branch) => clean(branch, prefix, new Set()));
    } else if (!Array.isArray(value)) {
      const inner = clean(value as JsonObject, `${path}.`, seen);
      if (Object.keys(inner).length > 0) kept[name] = inner;
    } else if (!seen.has(path)) {
      seen.add(path);
      kept[name] = value;
    }
  }
  return kept;
}

const objectOf = (value: fc.Arbitrary<Json>, maxKeys: number): fc.Arbitrary<JsonObject> =>
  fc.dictionary(key, value, { minKeys: 1, maxKeys, noNullPrototype: true });

const withOr = (own: fc.Arbitrary<JsonObject>, branch: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonObject> =>
  fc
    .tuple(own, fc.option(fc.array(branch, { minLength: 2, maxLength: 3 }), { freq: 3 }))
    .map(([fields, or]) => (or === null ? fields : { ...fields, $or: or }));

const flat = fc.oneof(objectOf(list, 1), objectOf(list, 2));
const nested = objectOf(
  fc.oneof(
    { weight: 4, arbitrary: list },
    { weight: 1, arbitrary: flat },
    { weight: 1, arbitrary: withOr(flat, flat) },
  ),
  2,
);

export const patterns: fc.Arbitrary<JsonObject> = fc

  .oneof({ weight: 3, arbitrary: flat }, { weight: 2, arbitrary: withOr(nested, withOr(flat, flat)) })
  .map(withoutRepeats);

const arrayOf = (item: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc.array(item, { maxLength: 3 }).map((items): Json => items);

const leaf = fc.oneof({ weight: 3, arbitrary: scalar }, { weight: 1, arbitrary: arrayOf(scalar) });
const level = (inner: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc.oneof(
    { weight: 3, arbitrary: leaf },
    { weight: 2, arbitrary: arrayOf(inner) },
    { weight: 1, arbitrary: inner },
  );
const object = (value: fc.Arbitrary<Json>): fc.Arbitrary<JsonObject> =>
  fc.dictionary(key, value, { minKeys: 2, maxKeys: 4, noNullPrototype: true });

export const events: fc.Arbitrary<JsonObject> = object(
  level(fc.oneof(object(level(fc.oneof(object(leaf), arrayOf(object(leaf))))), arrayOf(object(leaf)))),
);
