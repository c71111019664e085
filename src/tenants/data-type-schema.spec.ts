import { type JsonObject } from '../kernel/json';
import { compileSchema, fieldOf } from './data-type-schema';

function issues(schema: JsonObject, payload: JsonObject): string[] {
  const compiled = compileSchema(schema);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
  return compiled.check(payload).map(({ field, issue }) => `${field} ${issue}`);
}

describe('a compiled schema', () => {
  it('keeps several patterns apart', () => {
    const schema = { properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } };
    expect(issues(schema, { a: 'a', b: 'b' })).toEqual([]);
    expect(issues(schema, { a: 'b', b: 'a' })).toEqual([
      'payload.a must match pattern "^a$"',
      'payload.b must match pattern "^b$"',
    ]);
  });

  it('says the first fault only of a payload that is very large', () => {
    const list = { type: 'array', items: { type: 'string' } };
    const faults = (count: number) =>
      issues({ properties: { list } }, { list: Array.from({ length: count }, () => 1) });
    expect(faults(100)).toHaveLength(50);
    expect(faults(20_000)).toEqual(['payload.list[0] must be string']);
  });

  it('shares no $id with another one', () => {
    const schema = (type: string): JsonObject => ({
      $id: 'https://example.com/same',
      properties: { a: { type } },
    });
    expect(issues(schema('string'), { a: 'x' })).toEqual([]);
    expect(issues(schema('number'), { a: 'x' })).toEqual(['payload.a must be number']);
  });
});

describe('a schema whose check would take exponentially long', () => {
  const chain = (keyword: string): JsonObject => ({
    $ref: '#/$defs/n0',
    $defs: Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `n${i}`,
        i === 39 ? { required: ['gone'] } : { [keyword]: Array(2).fill({ $ref: `#/$defs/n${i + 1}` }) },
      ]),
    ),
  });
  const branch = { required: ['x'], properties: { x: { $ref: '#/$defs/n' } } };
  const spiral: JsonObject = {
    $ref: '#/$defs/n',
    $defs: { n: { anyOf: [branch, branch, { properties: { end: { const: 1 } }, required: ['end'] }] } },
  };
  const deep = (depth: number): JsonObject => (depth === 0 ? { y: 1 } : { x: deep(depth - 1) });

  it.each<[string, JsonObject, JsonObject]>([
    ['alternatives inside one another', chain('anyOf'), {}],
    ['exclusive alternatives inside one another', chain('oneOf'), {}],
    ['alternatives that go down together', spiral, deep(40)],
    ['a definition that is itself', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, {}],
  ])('is ended: %s', (_name, schema, payload) => {
    expect(issues(schema, payload)).toEqual([expect.stringMatching(/^payload would take too long/)]);
  });

  it('is not what a large payload is taken for', () => {
    const schema = {
      properties: { lines: { items: { $ref: '#/$defs/line' } } },
      $defs: { line: { anyOf: [{ type: 'number' }, { allOf: [{ type: 'string' }] }] } },
    };
    expect(issues(schema, { lines: Array.from({ length: 100_000 }, (_, i) => `${i}`) })).toEqual([]);
  });
});

describe('the place of a fault', () => {
  it.each<[string, JsonObject, string]>([
    ['', {}, 'payload'],
    ['/a/0/b', { a: [{ b: 1 }] }, 'payload.a[0].b'],
    ['/a/0/b', { a: { '0': { b: 1 } } }, 'payload.a.0.b'],
    ['/x~1y/~0z', { 'x/y': {} }, 'payload.x/y.~z'],
  ])('%s of %j is %s', (pointer, payload, field) => {
    expect(fieldOf(pointer, payload)).toBe(field);
  });
});
