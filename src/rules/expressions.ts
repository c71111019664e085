import { type JsonObject } from '../kernel/json';

/** A rule that matched and has an expression: whether it applies is not known yet. */
export interface PendingExpression {
  ruleId: string;
  expression: string;
  event: JsonObject;
}

/** The result as the engine gave it; anything but a boolean counts as a failure. */
export type ExpressionAnswer = { ruleId: string; result: unknown } | { ruleId: string; error: string };

/** Evaluates `$expr` somewhere safe, many at a time; answers in the order of the questions. */
export type ExpressionEvaluator = (expressions: readonly PendingExpression[]) => Promise<ExpressionAnswer[]>;

export type Verdict = { applies: boolean } | { failure: string };

export function verdictOf(answer: ExpressionAnswer | undefined): Verdict {
  if (answer === undefined) return { failure: '$expr was not evaluated' };
  if ('error' in answer) return { failure: `$expr failed: ${answer.error}` };
  if (typeof answer.result === 'boolean') return { applies: answer.result };
  return { failure: `$expr must give true or false, it gave ${kindOf(answer.result)}` };
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
