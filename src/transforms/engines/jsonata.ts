import jsonata from 'jsonata';
import { type Json } from '../../kernel/json';
import { TransformFailure } from '../failure';
import { LinearRegExp } from './linear-regex';
import { Recent } from './recent';

/** Steps inside one another; a tenant's program that needs more has no end. */
const STACK = 500;
const SEQUENCE = 200_000;
const PAD = 100_000;

/** In the sandbox only: it ends most of what does not end by itself, and the process around it ends the rest. */
export class JsonataEngine {
  private readonly compiled = new Recent<jsonata.Expression>(100);

  constructor(private readonly timeoutMs: number) {}

  async run(expression: string, input: Json): Promise<Json> {
    const program = this.compile(expression);
    const value: unknown = await program.evaluate(input);
    if (value === undefined) throw new TransformFailure('the expression selected nothing');
    if (typeof value === 'function') throw new TransformFailure('the expression gave a function');
    return value as Json;
  }

  /** Nothing selected is `false`: a condition on a field that is not there does not hold. */
  async test(expression: string, input: Json): Promise<boolean> {
    const value: unknown = await this.compile(expression).evaluate(input);
    if (value === undefined) return false;
    if (typeof value === 'boolean') return value;
    throw new TransformFailure('the condition must give true or false; use $boolean() or a comparison');
  }

  compile(expression: string): jsonata.Expression {
    return this.compiled.get(expression, () => {
      const program = jsonata(expression, {
        RegexEngine: LinearRegExp as unknown as RegExpConstructor,
        timeout: this.timeoutMs,
        stack: STACK,
        sequence: SEQUENCE,
      });
      eachRegex(program.ast(), (regex) => new LinearRegExp(regex));
      program.registerFunction('eval', refuseEval, '<sx?:x>');
      program.registerFunction('pad', pad, '<s-ns?:s>');
      return program;
    });
  }
}

function refuseEval(): never {
  throw new TransformFailure('$eval is not available: an expression must be readable before it runs');
}

/** As JSONata's own, but bounded: its own makes a text of any length. */
function pad(text: string | undefined, width: number, filler: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (Math.abs(width) > PAD) throw new TransformFailure(`$pad: the width must be at most ${PAD}`);
  const missing = Math.abs(Math.trunc(width)) - [...text].length;
  if (missing <= 0) return text;
  const characters = [...(filler === undefined || filler === '' ? ' ' : filler)];
  const whole = characters.join('').repeat(Math.floor(missing / characters.length));
  const padding = whole + characters.slice(0, missing % characters.length).join('');
  return width > 0 ? text + padding : padding + text;
}

/** Every regular expression of a program, so that one that is not supported is refused before anything runs. */
function eachRegex(node: unknown, visit: (regex: RegExp) => void, seen = new Set<object>()): void {
  if (typeof node !== 'object' || node === null || seen.has(node)) return;
  seen.add(node);
  if (node instanceof RegExp) visit(node);
  else for (const part of Object.values(node)) eachRegex(part, visit, seen);
}
