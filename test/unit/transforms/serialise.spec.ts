import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { type Json } from '../../../src/kernel/json';
import { serialise } from '../../../src/transforms/serialise';
import { type OutputFormat } from '../../../src/transforms/transform';

const XML = '<?xml version="1.0" encoding="UTF-8"?>\n';

describe('serialisers', () => {
  it.each<[OutputFormat, string, Json, string]>([
    ['json', 'any value', { a: [1, null, 'x'] }, '{"a":[1,null,"x"]}'],
    ['ndjson', 'a line for each element', [{ a: 1 }, 2], '{"a":1}\n2\n'],
    ['ndjson', 'one line for what is no list', { a: 1 }, '{"a":1}\n'],
    ['ndjson', 'nothing for an empty list', [], ''],
    ['xml', 'one key as the root', { r: { a: 1, b: [2, 3] } }, `${XML}<r><a>1</a><b>2</b><b>3</b></r>`],
    ['xml', 'several keys inside root', { a: 1, b: 2 }, `${XML}<root><a>1</a><b>2</b></root>`],
    ['xml', 'a list as items', [1, 2], `${XML}<root><item>1</item><item>2</item></root>`],
    ['xml', 'attributes and text', { r: { '@id': 7, '#text': 'x' } }, `${XML}<r id="7">x</r>`],
    ['xml', 'a true attribute', { r: { '@on': true, '#text': 'x' } }, `${XML}<r on="true">x</r>`],
    [
      'xml',
      'markup in texts and attributes',
      { r: { '@a': '"<', '#text': '<&>' } },
      `${XML}<r a="&quot;&lt;">&lt;&amp;&gt;</r>`,
    ],
    ['xml', 'null as an empty element', { r: { a: null } }, `${XML}<r><a/></r>`],
    [
      'csv',
      'a row for each object, under the names of all',
      [{ a: 1 }, { b: 'x', a: 2 }],
      'a,b\r\n1,\r\n2,x\r\n',
    ],
    ['csv', 'one row for an object', { a: 1, b: null }, 'a,b\r\n1,\r\n'],
    [
      'csv',
      'quoting, and JSON for what is nested',
      [{ a: 'x,"y"', b: { c: [1] } }],
      'a,b\r\n"x,""y""","{""c"":[1]}"\r\n',
    ],
    [
      'csv',
      'lists of cells',
      [
        ['a', 1],
        ['b,', true],
      ],
      'a,1\r\n"b,",true\r\n',
    ],
    [
      'form',
      'lists repeated and nesting as JSON',
      { a: 'ä &', b: [1, 2], c: { d: 1 } },
      'a=%C3%A4+%26&b=1&b=2&c=%7B%22d%22%3A1%7D',
    ],
    ['text', 'a text as it is', 'Grüße\n', 'Grüße\n'],
    ['text', 'a number', 1.5, '1.5'],
    ['raw', 'a text as it is', '<html>', '<html>'],
  ])('%s: %s', (format, _what, value, expected) => {
    expect(serialise(value, format)).toBe(expected);
  });

  it.each<[OutputFormat, string, Json, RegExp]>([
    ['xml', 'a key that is no name', { 'a><b': 1 }, /not a name that XML allows/],
    ['xml', 'a processing instruction', { r: { '?php': 'x' } }, /not a name/],
    ['xml', 'an attribute that is an object', { r: { '@a': {} } }, /is an attribute/],
    ['xml', 'a control character', { r: { a: 'x\u0000' } }, /control character/],
    ['csv', 'a number', 1, /csv needs/],
    ['csv', 'a mixed list', [{ a: 1 }, 2], /csv needs/],
    ['form', 'a list', [1], /form needs an object/],
  ])('%s refuses %s', (format, _what, value, words) => {
    expect(() => serialise(value, format)).toThrow(words);
  });

  const name = fc.stringMatching(/^[a-z]{1,6}$/);
  const text = fc
    .string()
    .filter((value) => value.trim() === value && value !== '' && !/[\u0000-\u001f]/.test(value));

  it('xml is well-formed and reads back, whatever the texts', () => {
    const parser = new XMLParser({ parseTagValue: false, processEntities: true, trimValues: false });
    fc.assert(
      fc.property(fc.dictionary(name, text, { minKeys: 2 }), (value) => {
        const xml = serialise(value, 'xml');
        expect(XMLValidator.validate(xml)).toBe(true);
        const { root } = parser.parse(xml) as { root: unknown };
        expect({ ...(root as object) }).toEqual({ ...value });
      }),
    );
  });

  it('json and ndjson read back, whatever the value', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as Json[];
        expect(JSON.parse(serialise(plain, 'json'))).toEqual(plain);
        const lines = serialise(plain, 'ndjson').split('\n').slice(0, -1);
        expect(lines.map((line) => JSON.parse(line) as Json)).toEqual(plain);
      }),
    );
  });

  it('form reads back, whatever the texts', () => {
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ unit: 'grapheme' })), (value) => {
        expect(Object.fromEntries(new URLSearchParams(serialise(value, 'form')))).toEqual({ ...value });
      }),
    );
  });
});
