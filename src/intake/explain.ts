import { type JsonObject } from '../kernel/json';
import { type Plan } from '../planning/plan';
import { type RuleExplanation, explainRules } from '../rules/explain';
import { type Reason } from '../rules/decision';
import { type Ruled } from './rulings';

export interface ExplainedDestination {
  name: string;
  protocol: string;
  registered: boolean;
  /** A name, an inline transform, or null where the destination's own holds. */
  transform: string | JsonObject | null;
  reason: string;
  /** Rules behind it, in the order in which they decided. */
  because: Reason[];
}

/** What a submission would become, and why. */
export interface Explanation {
  outcome: Plan['outcome'];
  /** Why nothing would be sent, where nothing would. */
  outcome_reason: string | null;
  priority: string;
  rules_version: string | null;
  destinations: ExplainedDestination[];
  reasons: Reason[];
  rules: RuleExplanation[];
  /** Rules that did not match, beyond those that are shown. */
  rules_omitted: number;
  warnings: string[];
}

/** Rules that did not match are worth reading only so far. */
const MOST_MISSES = 200;

export function explainPlan(plan: Plan, ruled: Ruled | undefined): Explanation {
  const { rules, omitted } = explainedRules(ruled);
  const decided = new Map(ruled?.decision.destinations.map(({ name, because }) => [name, because]));
  return {
    outcome: plan.outcome,
    outcome_reason: outcomeReason(plan, ruled),
    priority: plan.priority,
    rules_version: plan.rulesVersion,
    destinations: plan.deliveries.map(({ name, protocol, destinationId, transform }) => ({
      name,
      protocol,
      registered: destinationId !== null,
      transform,
      reason: reasonOf(decided.get(name) ?? []),
      because: decided.get(name) ?? [],
    })),
    reasons: plan.reasons,
    rules,
    rules_omitted: omitted,
    warnings: plan.reasons.flatMap(warningOf),
  };
}

function explainedRules(ruled: Ruled | undefined) {
  if (ruled === undefined) return { rules: [], omitted: 0 };
  const { rules, matched, verdicts, decision, event } = ruled;
  const all = [...(rules.global?.all() ?? []), ...(rules.own?.all() ?? [])];
  return explainRules(all, matched, verdicts, decision.reasons, event, MOST_MISSES);
}

function outcomeReason({ outcome }: Plan, ruled: Ruled | undefined): string | null {
  if (outcome === 'filtered') return ruled?.decision.dropped ?? null;
  return outcome === 'no_match' ? 'nothing was asked for, or rules left nothing of it' : null;
}

function reasonOf(because: readonly Reason[]): string {
  const cause = because.find(({ effect }) => effect === 'added' || effect === 'fallback');
  if (cause === undefined) return 'asked for by the submitter';
  return `${cause.effect === 'added' ? 'added' : 'added in place of another'} by the rule ${cause.rule}`;
}

const warningOf = ({ effect, rule, message }: Reason): string[] =>
  effect === 'skipped' || effect === 'failed' ? [`rule ${rule}: ${message}`] : [];
