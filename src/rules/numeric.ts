import { type Issue } from '../kernel/errors';
import { type Range } from './indexes/range-tree';
import { type Matcher } from './matchers';

type Comparison = '=' | '<' | '<=' | '>' | '>=';
const COMPARISONS: readonly unknown[] = ['=', '<', '<=', '>', '>='] satisfies Comparison[];

export const isComparison = (input: unknown): input is Comparison => COMPARISONS.includes(input);

const EXAMPLES = 'as in ["=",5], ["<",10] or [">",0,"<=",5]';
const everything: Range = { low: -Infinity, lowIncluded: true, high: Infinity, highIncluded: true };

/** One comparison, or a lower and then an upper bound. `=` is an exact value. */
export function readNumeric(input: unknown, at: string, issues: Issue[]): Matcher | undefined {
  const refuse = (issue: string, field = at): undefined => {
    issues.push({ field, issue });
  };
  if (!Array.isArray(input) || (input.length !== 2 && input.length !== 4)) {
    return refuse(`must be a list of one comparison, or of a lower and an upper bound, ${EXAMPLES}`);
  }
  const bounds: { comparison: Comparison; value: number }[] = [];
  for (let i = 0; i < input.length; i += 2) {
    const [comparison, value] = input.slice(i, i + 2) as [unknown, unknown];
    if (!isComparison(comparison)) return refuse('must be one of = < <= > >=', `${at}[${i}]`);
    if (!Number.isFinite(value))
      return refuse('must be a finite JSON number, not a string', `${at}[${i + 1}]`);
    bounds.push({ comparison, value: value as number });
  }
  const [lower, upper] = bounds;
  if (lower === undefined) return undefined;
  if (upper === undefined) return single(lower.comparison, lower.value);
  if (!lower.comparison.startsWith('>') || !upper.comparison.startsWith('<')) {
    return refuse(
      `must give the lower bound (> or >=) first and the upper bound (< or <=) second, ${EXAMPLES}`,
    );
  }
  if (lower.value >= upper.value) {
    return refuse('can never match: the lower bound must be less than the upper; for one number use "="');
  }
  return {
    kind: 'numeric',
    range: {
      low: lower.value,
      lowIncluded: lower.comparison === '>=',
      high: upper.value,
      highIncluded: upper.comparison === '<=',
    },
  };
}

function single(comparison: Comparison, value: number): Matcher {
  switch (comparison) {
    case '=':
      return { kind: 'exact', value };
    case '<':
    case '<=':
      return { kind: 'numeric', range: { ...everything, high: value, highIncluded: comparison === '<=' } };
    case '>':
    case '>=':
      return { kind: 'numeric', range: { ...everything, low: value, lowIncluded: comparison === '>=' } };
  }
}
