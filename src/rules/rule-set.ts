import { type Issue } from '../kernel/errors';
import { type JsonObject } from '../kernel/json';
import { parseActions, RULE_TYPES, type RuleAction, type RuleType } from './actions';
import { type PendingExpression } from './expressions';
import { PatternMatcher } from './matcher';
import { parsePattern, type Pattern } from './pattern';

/** A rule as administration stores it. */
export interface RuleDefinition {
  id: string;
  name: string;
  rule_type: RuleType;
  conditions: JsonObject;
  actions: JsonObject;
  priority: number;
  enabled: boolean;
  version: number;
  /** Null: the platform's, for every tenant. */
  tenant_id: string | null;
}

export interface CompiledRule {
  readonly id: string;
  readonly name: string;
  readonly type: RuleType;
  readonly priority: number;
  readonly version: number;
  readonly global: boolean;
  readonly enabled: boolean;
  readonly pattern: Pattern;
  readonly action: RuleAction;
}

export type CompiledRuleResult = { ok: true; rule: CompiledRule } | { ok: false; issues: Issue[] };

/** Everything that is wrong with a rule, or the rule ready for use. */
export function compileRule(row: RuleDefinition): CompiledRuleResult {
  const parsed = parsePattern(row.conditions);
  const actions = parseActions(row.rule_type, row.actions);
  if (!parsed.ok || !actions.ok) {
    return {
      ok: false,
      issues: [...(parsed.ok ? [] : parsed.issues), ...(actions.ok ? [] : actions.issues)],
    };
  }
  return {
    ok: true,
    rule: {
      id: row.id,
      name: row.name,
      type: row.rule_type,
      priority: row.priority,
      version: row.version,
      global: row.tenant_id === null,
      enabled: row.enabled,
      pattern: parsed.pattern,
      action: actions.action,
    },
  };
}

const ORDER = new Map(RULE_TYPES.map((type, position) => [type, position]));
const orderOf = (type: RuleType): number => ORDER.get(type) ?? RULE_TYPES.length;
const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** The order of evaluation. Of a global rule and a tenant's of the same name the global one comes first. */
export const inOrder = (one: CompiledRule, other: CompiledRule): number =>
  orderOf(one.type) - orderOf(other.type) ||
  other.priority - one.priority ||
  compareText(one.name, other.name) ||
  Number(other.global) - Number(one.global) ||
  compareText(one.id, other.id);

/**
 * Rules of one owner, a tenant or the platform, ready to be matched; changed rule by rule. What a match returns are
 * the rules as they were then: a later change does not reach into it.
 */
export class RuleSet {
  private readonly matcher = new PatternMatcher<CompiledRule>();
  private readonly rules = new Map<string, CompiledRule>();
  /** The owner's latest change that this set knows. */
  revision = 0;

  get size(): number {
    return this.rules.size;
  }

  /** Disabled ones included, for explanations; in no particular order. */
  all(): Iterable<CompiledRule> {
    return this.rules.values();
  }

  /** Adds a rule, in place of an earlier version. */
  put(rule: CompiledRule): void {
    this.remove(rule.id);
    this.rules.set(rule.id, rule);
    if (rule.enabled) this.matcher.add(rule, rule.pattern);
  }

  remove(id: string): void {
    const known = this.rules.get(id);
    if (known === undefined) return;
    this.matcher.remove(known);
    this.rules.delete(id);
  }

  match(event: JsonObject): CompiledRule[] {
    return this.matcher.size === 0 ? [] : this.matcher.match(event);
  }
}

/** The rules of all sets whose patterns match, in the order of evaluation. */
export const matchRules = (sets: readonly RuleSet[], event: JsonObject): CompiledRule[] =>
  sets.flatMap((set) => set.match(event)).sort(inOrder);

/** What must be asked before these rules can be decided. */
export const pendingExpressions = (
  matched: readonly CompiledRule[],
  event: JsonObject,
): PendingExpression[] =>
  matched.flatMap(({ id, pattern: { expression } }) =>
    expression === undefined ? [] : [{ ruleId: id, expression, event }],
  );
