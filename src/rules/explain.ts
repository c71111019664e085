import { type JsonObject } from '../kernel/json';
import { type Reason } from './decision';
import { type Verdict } from './expressions';
import { Misses } from './misses';
import { type CompiledRule, inOrder } from './rule-set';

/** What became of one rule, for an administrator's eyes. */
export interface RuleExplanation {
  rule_id: string;
  rule: string;
  rule_type: string;
  priority: number;
  version: number;
  scope: 'tenant' | 'global';
  enabled: boolean;
  /** Pattern and expression both hold. */
  matched: boolean;
  /** It changed something. */
  applied: boolean;
  why: string[];
}

export interface RulesExplained {
  /** In the order of evaluation. */
  rules: RuleExplanation[];
  /** Rules that did not match and are too many to be shown. */
  omitted: number;
}

const PASSIVE: ReadonlySet<Reason['effect']> = new Set(['failed', 'no_effect', 'skipped']);

/** Every rule and why it did or did not apply; of those that did not match, the first `most`. */
export function explainRules(
  all: Iterable<CompiledRule>,
  matched: readonly CompiledRule[],
  verdicts: ReadonlyMap<string, Verdict>,
  reasons: readonly Reason[],
  event: JsonObject,
  most: number,
): RulesExplained {
  const hits = new Set(matched.map(({ id }) => id));
  const misses = [...all].filter(({ id }) => !hits.has(id)).sort(inOrder);
  const shown = misses.slice(0, most);
  const missed = new Misses(
    shown.map(({ pattern }) => pattern),
    event,
  );
  const explained = [
    ...matched.map((rule) => ({ rule, explanation: explainMatch(rule, verdicts.get(rule.id), reasons) })),
    ...shown.map((rule) => ({ rule, explanation: explainMiss(rule, missed) })),
  ];
  explained.sort((one, other) => inOrder(one.rule, other.rule));
  return {
    rules: explained.map(({ explanation }) => explanation),
    omitted: Math.max(0, misses.length - most),
  };
}

const headOf = (rule: CompiledRule) => ({
  rule_id: rule.id,
  rule: rule.name,
  rule_type: rule.type,
  priority: rule.priority,
  version: rule.version,
  scope: rule.global ? ('global' as const) : ('tenant' as const),
  enabled: rule.enabled,
});

function explainMatch(
  rule: CompiledRule,
  verdict: Verdict | undefined,
  reasons: readonly Reason[],
): RuleExplanation {
  const own = reasons.filter(({ rule_id }) => rule_id === rule.id);
  const refused = verdict !== undefined && 'applies' in verdict && !verdict.applies;
  return {
    ...headOf(rule),
    matched: verdict === undefined || ('applies' in verdict && verdict.applies),
    applied: own.some(({ effect }) => !PASSIVE.has(effect)),
    why: refused ? ['the pattern matches, $expr gives false'] : own.map(({ message }) => message),
  };
}

const explainMiss = (rule: CompiledRule, missed: Misses): RuleExplanation => ({
  ...headOf(rule),
  matched: false,
  applied: false,
  why: rule.enabled ? missed.whyNot(rule.pattern) : ['the rule is disabled'],
});
