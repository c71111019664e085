import { invalid, type Issue } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type JobDraft, type RequestedDestination, type RuleDecision } from '../planning/plan';
import { decide } from '../rules/decide';
import { type Decision } from '../rules/decision';
import {
  type ExpressionAnswer,
  type ExpressionEvaluator,
  type PendingExpression,
  type Verdict,
  verdictOf,
} from '../rules/expressions';
import { matches } from '../rules/matcher';
import { Misses } from '../rules/misses';
import { type Pattern } from '../rules/pattern';
import { type CompiledRule, matchRules, pendingExpressions, type RuleSet } from '../rules/rule-set';
import { MatchingTooCostly } from '../rules/work';
import { type DestinationCatalogue, type KnownDestination } from '../tenants/destination-catalogue';
import { type RuleBook, rulesVersion, type TenantRules } from '../tenants/rule-book';
import { registered } from './destinations';

/** A job as far as it is known before its rules are asked. */
export interface Ruled {
  draft: JobDraft;
  /** As rules see it. */
  event: JsonObject;
  rules: TenantRules;
  matched: readonly CompiledRule[];
  verdicts: ReadonlyMap<string, Verdict>;
  decision: Decision;
}

/** A draft with the attempts that its submitter asked for, which hold for what rules add too. */
export interface Unruled {
  draft: JobDraft;
  maxAttempts: number | null;
}

export interface RulingParts {
  rules: RuleBook;
  catalogue: DestinationCatalogue;
  expressions: ExpressionEvaluator;
}

/** What all expressions of one job (or batch) may take together. */
const EXPRESSIONS_MS = 10_000;

/** Asks a tenant's rules about its jobs, many at a time: the expressions of all of them are one question. */
export class Rulings {
  constructor(private readonly parts: RulingParts) {}

  /** In the order of the drafts; undefined where the tenant has no rules, which costs nothing. */
  async rule(tenantId: TenantId, drafts: readonly Unruled[]): Promise<Ruling[] | undefined> {
    const rules = await this.parts.rules.of(tenantId);
    const sets = [rules.global, rules.own].flatMap((set) => (set === undefined ? [] : [set]));
    if (sets.length === 0) return undefined;
    const known = await this.parts.catalogue.all(tenantId);
    const version = rulesVersion(rules);
    const asked = drafts.map(({ draft, maxAttempts }) => {
      const event = eventOf(draft);
      const matched = matchedBy(sets, event);
      const pending = pendingExpressions(matched ?? [], event);
      return { draft, maxAttempts, event, matched, pending };
    });
    const verdicts = await this.verdicts(asked.map(({ pending }) => pending));
    return asked.map(({ draft, maxAttempts, event, matched }, position): Ruling => {
      if (matched === undefined) return { ok: false, issues: [TOO_COSTLY] };
      const answered = verdicts[position] ?? new Map<string, Verdict>();
      const requested = draft.destinations.map(({ name }) => name);
      const input = { priority: draft.priority, requested, registered: known };
      const decision = decide(matched, answered, input);
      const ruled: Ruled = { draft, event, rules, matched, verdicts: answered, decision };
      return { ok: true, ruled, decision: ruleDecision(draft, decision, known, maxAttempts, version) };
    });
  }

  /** One pattern on one event, its expression included. */
  async matches(pattern: Pattern, event: JsonObject): Promise<Trial> {
    const why = whyNot(pattern, event);
    if (why !== undefined) return { matched: false, why };
    if (pattern.expression === undefined) return { matched: true, why: [] };
    const [answer] = await this.ask([{ ruleId: 'pattern', expression: pattern.expression, event }]);
    const verdict = verdictOf(answer);
    if (!('applies' in verdict)) return { matched: false, why: [verdict.failure] };
    return {
      matched: verdict.applies,
      why: verdict.applies ? [] : ['the pattern matches, $expr gives false'],
    };
  }

  private async verdicts(pending: readonly PendingExpression[][]): Promise<Map<string, Verdict>[]> {
    const questions = pending.flat();
    const answers = questions.length === 0 ? [] : await this.ask(questions);
    let next = 0;
    return pending.map((one) => new Map(one.map(({ ruleId }) => [ruleId, verdictOf(answers[next++])])));
  }

  /** Never fails: a rule whose expression gets no answer does not apply, and says why. */
  private async ask(questions: readonly PendingExpression[]): Promise<ExpressionAnswer[]> {
    const all = (error: string): ExpressionAnswer[] => questions.map(({ ruleId }) => ({ ruleId, error }));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<ExpressionAnswer[]>((resolve) => {
      timer = setTimeout(() => resolve(all(`no answer within ${EXPRESSIONS_MS} ms`)), EXPRESSIONS_MS);
    });
    try {
      return await Promise.race([this.parts.expressions(questions), late]);
    } catch (error) {
      return all(error instanceof Error ? error.message : 'the expression engine failed');
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What came of the rules; or why this job cannot be taken with them. */
export type Ruling = { ok: true; ruled: Ruled; decision: RuleDecision } | { ok: false; issues: Issue[] };

/** Whether a pattern matches an event; `why` is empty where it does. */
export interface Trial {
  matched: boolean;
  why: string[];
}

const TOO_COSTLY: Issue = {
  field: 'payload',
  issue:
    'takes more work to match against the rules than one job is allowed: send a smaller payload, or change rules ' +
    'that try many wildcards or anything-but on long lists and texts (see "What it costs" in the documentation of rules)',
};

/** Undefined where it is too costly: no rule is left out, because a job without one of its rules may go astray. */
function matchedBy(sets: readonly RuleSet[], event: JsonObject): CompiledRule[] | undefined {
  try {
    return matchRules(sets, event);
  } catch (error) {
    if (error instanceof MatchingTooCostly) return undefined;
    throw error;
  }
}

/** Undefined where the pattern matches. */
function whyNot(pattern: Pattern, event: JsonObject): string[] | undefined {
  try {
    return matches(pattern, event) ? undefined : new Misses([pattern], event).whyNot(pattern);
  } catch (error) {
    if (error instanceof MatchingTooCostly) throw invalid('event', TOO_COSTLY.issue);
    throw error;
  }
}

/** What conditions see of a job. */
function eventOf({
  tenantId,
  dataType,
  priority,
  payload,
  metadata,
  destinations,
  source,
}: JobDraft): JsonObject {
  return {
    tenant_id: tenantId,
    data_type: dataType,
    priority,
    source,
    payload,
    metadata,
    destinations: destinations.map(({ name }) => name),
  };
}

/** What the submitter asked for stays as it was asked for; what rules add is the registered destination. */
function ruleDecision(
  draft: JobDraft,
  decision: Decision,
  known: ReadonlyMap<string, KnownDestination>,
  maxAttempts: number | null,
  version: string,
): RuleDecision {
  const asked = new Map(draft.destinations.map((destination) => [destination.name, destination]));
  const destinations = decision.destinations.flatMap(({ name, transform }): RequestedDestination[] => {
    const added = known.get(name);
    const destination = asked.get(name) ?? (added && { ...registered(added), maxAttempts });
    if (destination === undefined) return [];
    return [{ ...destination, transform: destination.transform ?? transform ?? null }];
  });
  const { dropped, priority, reasons } = decision;
  return { dropped, priority, destinations, reasons, rulesVersion: version };
}
