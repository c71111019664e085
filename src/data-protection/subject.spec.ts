import fc from 'fast-check';
import { isJsonObject, type Json } from '../kernel/json';
import { holds, parseSubjectPath, subjectPathText } from './subject';

/** Every scalar of a document with the keys that lead to it; places in lists do not count. */
function scalars(document: Json, keys: string[] = []): [path: string, value: Json][] {
  if (Array.isArray(document)) return document.flatMap((item) => scalars(item, keys));
  if (!isJsonObject(document)) return [[JSON.stringify(keys), document]];
  return Object.entries(document).flatMap(([key, value]) => scalars(value, [...keys, key]));
}

const key = fc.constantFrom('a', 'b', '__proto__', 'toString', '0');
const value = fc.constantFrom('x', 'y', '7', 7, 0);
const document = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    value,
    fc.constant(null),
    fc.array(tie('node'), { maxLength: 3 }),
    fc
      .array(fc.tuple(key, tie('node')), { maxLength: 3 })
      .map((entries) => JSON.parse(JSON.stringify(Object.fromEntries(entries))) as Json),
  ),
})).node;

describe('a data subject', () => {
  it('is found where a scalar at the path is the value, through every list, and nowhere else', () => {
    fc.assert(
      fc.property(document, fc.array(key, { maxLength: 4 }), value, (json, keys, wanted) => {
        const there = scalars(json).some(
          ([path, found]) => path === JSON.stringify(keys) && found === wanted,
        );
        expect(holds(json, keys, wanted)).toBe(there);
      }),
      { numRuns: 2000 },
    );
  });

  it('is not found in what every object inherits', () => {
    expect(holds({}, ['constructor', 'name'], 'Object')).toBe(false);
  });

  it.each(['payload.a', 'metadata.citizen.tax code', 'payload.0.__proto__'])('has the path %s', (text) => {
    const path = parseSubjectPath(text);
    expect(path && subjectPathText(path)).toBe(text);
  });

  it.each(['', 'payload', 'payload.', 'payload..a', 'data.a', '.payload.a', 'payload.a.'])(
    'has no path "%s"',
    (text) => {
      expect(parseSubjectPath(text)).toBeUndefined();
    },
  );
});
