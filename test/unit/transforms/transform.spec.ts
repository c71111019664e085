import fc from 'fast-check';
import { type Json, type JsonObject } from '../../../src/kernel/json';
import { mapFields } from '../../../src/transforms/engines/field-mapping';
import { applyFilters } from '../../../src/transforms/filters';
import { parseFilters, parseTransform, parseTransformConfig } from '../../../src/transforms/transform';

const payload = (): JsonObject => ({
  id: 'R',
  data: { total: 3, list: [{ v: 1 }, { v: 2 }] },
  person: { name: 'Ada', tax: 'secret', cards: [{ pan: '4', kind: 'x' }] },
});

describe('field mapping', () => {
  it.each<[string, JsonObject, JsonObject]>([
    [
      'moves what is mapped and nothing else',
      { 'data.total': 'count', id: 'a.b' },
      { count: 3, a: { b: 'R' } },
    ],
    ['reads elements of lists', { 'data.list.1.v': 'second' }, { second: 2 }],
    ['leaves out what is not there', { nothing: 'x', 'id.deeper': 'y', id: 'z' }, { z: 'R' }],
    ['takes no inherited property', { 'data.toString': 'x', 'data.list.length': 'y' }, {}],
    [
      'keeps the rest where it is when asked to',
      { 'person.tax': 'tax', 'data.list': 'list', keep_unmapped: true },
      {
        id: 'R',
        data: { total: 3 },
        person: { name: 'Ada', cards: [{ pan: '4', kind: 'x' }] },
        tax: 'secret',
        list: [{ v: 1 }, { v: 2 }],
      },
    ],
    [
      'swaps fields',
      { id: 'person', person: 'id', keep_unmapped: true },
      { ...payload(), id: payload()['person'] as Json, person: 'R' },
    ],
  ])('%s', (_name, spec, expected) => {
    expect(mapFields(spec, payload())).toEqual(expected);
  });

  it('says where a target cannot be', () => {
    expect(() => mapFields({ data: 'id.x', keep_unmapped: true }, payload())).toThrow(
      'id.x: id is not an object',
    );
  });

  it('mapped to itself, a payload stays what it is, whatever it is', () => {
    const key = fc.stringMatching(/^[a-z]{1,5}$/);
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue(), { minKeys: 1 }), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as JsonObject;
        const spec = Object.fromEntries(Object.keys(plain).map((name) => [name, name]));
        expect(mapFields(spec, structuredClone(plain))).toEqual(plain);
      }),
    );
  });
});

describe('filters', () => {
  const filters = (include: string[] | null, exclude = false): Parameters<typeof applyFilters>[1] => ({
    include_metrics: include,
    exclude_sensitive_data: exclude,
  });
  const sensitive = { 'x-sensitive': true };

  it('keep the named metrics of data, or of a payload without data', () => {
    expect(applyFilters(payload(), filters(['total']), null)).toEqual({ ...payload(), data: { total: 3 } });
    expect(applyFilters({ a: 1, b: 2 }, filters(['b', 'c']), null)).toEqual({ b: 2 });
  });

  it.each<[string, JsonObject]>([
    ['named', { properties: { person: { properties: { tax: sensitive } } } }],
    [
      'behind a reference',
      { properties: { person: { $ref: '#/$defs/p' } }, $defs: { p: { properties: { tax: sensitive } } } },
    ],
    [
      'in an alternative',
      { anyOf: [{ properties: { person: { allOf: [{ properties: { tax: sensitive } }] } } }] },
    ],
    [
      'in a schema that refers to itself',
      {
        allOf: [{ $ref: '#' }],
        properties: { person: { properties: { tax: { $ref: '#/$defs/s' } } } },
        $defs: { s: sensitive },
      },
    ],
  ])('leave out a sensitive field that is %s', (_name, schema) => {
    const expected = payload();
    delete (expected['person'] as JsonObject)['tax'];
    expect(applyFilters(payload(), filters(null, true), schema)).toEqual(expected);
  });

  it('leave out sensitive fields inside lists, and whole elements', () => {
    const cards = { items: { properties: { pan: sensitive } } };
    const schema = {
      properties: { person: { properties: { cards } }, data: { properties: { list: { items: sensitive } } } },
    };
    expect(applyFilters(payload(), filters(null, true), schema)).toMatchObject({
      person: { tax: 'secret', cards: [{ kind: 'x' }] },
      data: { list: [] },
    });
  });
});

describe('what an inline transform may say', () => {
  it.each<[string, unknown, string[]]>([
    ['an unknown engine', { engine: 'perl', spec: 'x' }, ['transform.engine']],
    ['no program', { engine: 'jsonata' }, ['transform.spec']],
    ['a program that is too long', { engine: 'jsonata', spec: 'x'.repeat(8193) }, ['transform.spec']],
    ['an unknown format', { engine: 'liquid', spec: 'x', output_format: 'pdf' }, ['transform.output_format']],
    ['another input', { engine: 'liquid', spec: 'x', input_format: 'xml' }, ['transform.input_format']],
    ['an unknown field', { engine: 'liquid', spec: 'x', sepc: 1 }, ['transform.sepc']],
    ['an empty mapping', { engine: 'field_mapping', spec: {} }, ['transform.spec']],
    [
      'a way into prototypes',
      { engine: 'field_mapping', spec: { a: 'x.__proto__.y' } },
      ['transform.spec.a'],
    ],
    [
      'targets that exclude each other',
      { engine: 'field_mapping', spec: { a: 'x.y', b: 'x' } },
      ['transform.spec'],
    ],
    [
      'wrong filters',
      { engine: 'liquid', spec: 'x', filters: { include_metrics: 'a' } },
      ['transform.filters.include_metrics'],
    ],
    ['a number', 7, ['transform']],
  ])('refuses %s', (_name, input, fields) => {
    const parsed = parseTransform(input);
    expect(parsed.ok ? [] : parsed.issues.map(({ field }) => field)).toEqual(fields);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(fc.property(fc.jsonValue(), (input) => typeof parseTransform(input).ok === 'boolean'));
    const shape = fc.record({
      engine: fc.constantFrom('jsonata', 'liquid', 'field_mapping'),
      spec: fc.jsonValue(),
    });
    fc.assert(fc.property(shape, (input) => typeof parseTransform(input).ok === 'boolean'));
  });

  it('takes the forms of a transform_config', () => {
    const inline = { engine: 'jsonata', spec: { expression: 'a' }, filters: { include_metrics: ['a'] } };
    const none = { ok: true, value: { transform: null, filters: null } };
    expect(parseTransformConfig({})).toEqual(none);
    expect(parseTransformConfig({ transform: 'x' })).toMatchObject({ value: { transform: { name: 'x' } } });
    expect(parseTransformConfig(inline)).toMatchObject({
      value: { transform: { spec: 'a' }, filters: { include_metrics: ['a'], exclude_sensitive_data: false } },
    });
    expect(parseTransformConfig({ filter: {} })).toMatchObject({ ok: false });
    expect(parseFilters({ exclude_sensitive_data: 'yes' })).toMatchObject({ ok: false });
  });
});
