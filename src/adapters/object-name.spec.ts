import fc from 'fast-check';
import { escapeName, pathIssue } from './object-name';

describe('a value in the name of a file or object', () => {
  it.each([
    ['plain', 'plain'],
    ['a/b\\c', 'a%2Fb%5Cc'],
    ['città 日本 🜚', 'città 日本 🜚'],
    ['100%', '100%25'],
    ['x\r\n\0', 'x%0D%0A%00'],
    ['\u0085', '%C2%85'],
    ['<a>:"b"|c?*', '%3Ca%3E%3A%22b%22%7Cc%3F%2A'],
    ['.hidden', '.hidden'],
    ['...', '...'],
    ['', undefined],
    ['.', undefined],
    ['..', undefined],
  ])('%j becomes %j', (value, escaped) => expect(escapeName(value)).toBe(escaped));

  it('can be read back, and is one step of a path that leads nowhere else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const escaped = escapeName(value);
        if (escaped === undefined) return /^\.{0,2}$/.test(value);
        return (
          !/[/\\]/.test(escaped) && pathIssue(escaped) === undefined && decodeURIComponent(escaped) === value
        );
      }),
    );
  });
});

describe('a path put together from a template', () => {
  it.each(['a/../b', '..', '../a', 'a/..', 'a/./b', 'nul\0'])('%j is not used', (path) => {
    expect(pathIssue(path)).toContain('must not contain');
  });

  it.each(['a/b', '/a/b', 'a//b', '...', '..a/b..'])('%j is used', (path) => {
    expect(pathIssue(path)).toBeUndefined();
  });
});
