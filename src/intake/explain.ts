import { type JsonObject } from '../kernel/json';
import { type Plan } from '../planning/plan';
import { type RuleExplanation, explainRules } from '../rules/explain';
import { type Reason } from '../rules/decision';
import { type Content } from '../transforms/content';
import { type Ruled } from './rulings';

export interface ExplainedDestination {
  name: string;
  protocol: string;
  registered: boolean;
  /** A name, an inline transform, or null where the destination's own holds. */
  transform: string | JsonObject | null;
  /** What it would be sent; null where it cannot be made, which `error` explains. */
  content: ExplainedContent | null;
  /** The delivery would fail with this. */
  error: { code: 'TRANSFORMATION_FAILED'; message: string } | null;
  reason: string;
  /** Rules behind it, in the order in which they decided. */
  because: Reason[];
}

export interface ExplainedContent {
  content_type: string;
  /** `body` is shown as it is before. */
  content_encoding: 'gzip' | null;
  body: string;
  /** Of the whole body, before it is encoded. */
  bytes: number;
  truncated: boolean;
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

/** Of one body; and of all bodies of an explanation, which may be those of a hundred destinations. */
const MOST_SHOWN = 65_536;
const MOST_SHOWN_TOGETHER = 1_048_576;

/** What each delivery of the plan would send, in its order: made by what delivery itself uses. */
export function explainContents(
  contents: readonly Content[],
  compression: string | undefined,
): Pick<ExplainedDestination, 'content' | 'error'>[] {
  let left = MOST_SHOWN_TOGETHER;
  return contents.map((content) => {
    if (!content.ok) {
      return { content: null, error: { code: 'TRANSFORMATION_FAILED', message: content.message } };
    }
    const body = content.body.slice(0, Math.min(left, MOST_SHOWN));
    left -= body.length;
    const shown: ExplainedContent = {
      content_type: content.contentType,
      content_encoding: compression === 'gzip' ? 'gzip' : null,
      body,
      bytes: Buffer.byteLength(content.body),
      truncated: body.length < content.body.length,
    };
    return { content: shown, error: null };
  });
}

export function explainPlan(
  plan: Plan,
  ruled: Ruled | undefined,
  contents: readonly Pick<ExplainedDestination, 'content' | 'error'>[],
): Explanation {
  const { rules, omitted } = explainedRules(ruled);
  const decided = new Map(ruled?.decision.destinations.map(({ name, because }) => [name, because]));
  return {
    outcome: plan.outcome,
    outcome_reason: outcomeReason(plan, ruled),
    priority: plan.priority,
    rules_version: plan.rulesVersion,
    destinations: plan.deliveries.map(({ name, protocol, destinationId, transform }, position) => ({
      name,
      protocol,
      registered: destinationId !== null,
      transform,
      ...(contents[position] ?? { content: null, error: null }),
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
