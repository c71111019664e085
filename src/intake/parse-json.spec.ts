import fc from 'fast-check';
import { ApiError } from '../kernel/errors';
import { parseJson } from './parse-json';

function refusal(text: string | Buffer, maxDepth = 8): string {
  try {
    parseJson(Buffer.from(text), maxDepth);
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('JSON bodies', () => {
  it('come through unchanged when there is nothing wrong with them', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/__proto__|constructor|\\u/.test(text));
        expect(parseJson(Buffer.from(text), 64)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['malformed text', '{"a":', /not valid JSON/],
    ['nothing', '  ', /is empty/],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /not valid UTF-8/],
    ['a key that reaches the prototype', '{"a":{"__proto__":{"x":1}}}', /__proto__/],
    ['the same key in disguise', '{"a":{"\\u005f_proto__":{"x":1}}}', /__proto__/],
    ['NUL', '{"a":["x","\\u0000"]}', /^a\[1\]: contains the character NUL/],
    ['NUL in a key', '{"a\\u0000":1}', /contains the character NUL/],
    ['half a surrogate pair', '{"a":{"b":"\\ud800"}}', /^a\.b: contains half of a surrogate pair/],
    ['nesting beyond the limit', `${'['.repeat(9)}${']'.repeat(9)}`, /nested deeper than 8/],
    [
      'nesting that would end a recursion',
      `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
      /nested deeper than 8/,
    ],
  ])('are refused with %s', (_what, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it('may hold many brackets as long as they are not deep', () => {
    expect(refusal(JSON.stringify(Array.from({ length: 100 }, () => [])))).toBe('accepted');
  });
});
