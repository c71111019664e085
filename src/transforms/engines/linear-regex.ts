import { type Matcher, RE2JS } from 're2js';
import { TransformFailure } from '../failure';

/** Compiled once per expression of a compiled program. */
const compiled = new WeakMap<RegExp, RE2JS>();

/** RE2 in JavaScript: time linear in the text, hence no look-around and no back-references. */
export function compileLinear(source: string, flags: string): RE2JS {
  const wanted =
    (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.includes('m') ? RE2JS.MULTILINE : 0) |
    (flags.includes('s') ? RE2JS.DOTALL : 0);
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source), wanted);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TransformFailure(
      `the regular expression /${source.slice(0, 100)}/ is not supported (RE2: no look-around, no back-references): ${why}`,
    );
  }
}

/** What JSONata asks of a regular expression: `exec` and `lastIndex`. */
export class LinearRegExp {
  lastIndex = 0;
  private readonly regex: RE2JS;
  private text: string | undefined;
  private matcher: Matcher | undefined;

  constructor(expression: RegExp) {
    const known = compiled.get(expression) ?? compileLinear(expression.source, expression.flags);
    compiled.set(expression, known);
    this.regex = known;
  }

  exec(text: string): ((string | undefined)[] & { index: number }) | null {
    if (this.lastIndex > text.length) return null;
    if (text !== this.text || this.matcher === undefined) {
      this.text = text;
      this.matcher = this.regex.matcher(text);
    }
    const { matcher } = this;
    if (!matcher.find(this.lastIndex)) return null;
    this.lastIndex = matcher.end();
    const groups = Array.from(
      { length: matcher.groupCount() + 1 },
      (_none, group) => matcher.group(group) ?? undefined,
    );
    return Object.assign(groups, { index: matcher.start() });
  }
}
