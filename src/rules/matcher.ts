import { type JsonObject } from '../kernel/json';
import { ConditionTable, Evaluation, NO_WAY, type Way } from './condition-table';
import { type FlatEvent, flatten } from './flatten';
import { PathTree } from './path-tree';
import { type Pattern } from './pattern';
import { type Candidate, RuleNode, type Visitor } from './rule-tree';

/** One conjunction of a rule; the rule matches where any of its conjunctions holds. */
interface RuleCandidate<Id> extends Candidate<RuleCandidate<Id>> {
  readonly rule: Rule<Id>;
  /** Several conditions on one path, of which the tree knows only that one is satisfied. */
  readonly repeatsPath: boolean;
  /** Serial of the event that it was last tried on. */
  event: number;
}

interface Rule<Id> {
  readonly id: Id;
  readonly candidates: RuleCandidate<Id>[];
  /** Serial of the event that last matched. */
  event: number;
}

/**
 * Many patterns as one structure: one pass over an event finds all that match, at a cost that depends on the event and
 * on the rules that come near it, hardly on how many there are.
 *
 * Guarantee: every method runs to its end without giving way, and a result shares nothing with the matcher. So rules
 * may be added and removed at any moment between two calls; a match sees all of an addition or none of it. For a
 * change of many rules that must become visible at once, fill a new matcher and hand over the reference.
 */
export class PatternMatcher<Id> {
  private readonly paths = new PathTree();
  private readonly conditions = new ConditionTable(this.paths);
  private readonly tree = new RuleNode<RuleCandidate<Id>>();
  private readonly rules = new Map<Id, Rule<Id>>();

  get size(): number {
    return this.rules.size;
  }

  has(id: Id): boolean {
    return this.rules.has(id);
  }

  /** Adds a rule, in place of an earlier one with the same id. `$expr` is not the matcher's: ask it where this matches. */
  add(id: Id, pattern: Pattern): void {
    this.remove(id);
    const rule: Rule<Id> = { id, candidates: [], event: 0 };
    for (const conjunction of pattern.alternatives) {
      const conditions = conjunction.map((condition) => this.conditions.acquire(condition));
      const repeatsPath = new Set(conditions.map(({ path }) => path)).size < conditions.length;
      const candidate: RuleCandidate<Id> = { rule, repeatsPath, conditions, places: [], event: 0 };
      rule.candidates.push(candidate);
      this.tree.place(candidate);
    }
    this.rules.set(id, rule);
  }

  /** False where there was no such rule. */
  remove(id: Id): boolean {
    const rule = this.rules.get(id);
    if (rule === undefined) return false;
    for (const candidate of rule.candidates) {
      for (const place of candidate.places) place.evict(candidate);
      for (const condition of candidate.conditions) this.conditions.release(condition);
    }
    return this.rules.delete(id);
  }

  /** The ids of all rules that match, each once, in no particular order. Throws MatchingTooCostly. */
  match(event: JsonObject): Id[] {
    const search = new Search<Id>(flatten(this.paths.root, event));
    try {
      this.tree.lead(search.event, search);
      return search.matched;
    } finally {
      search.end();
    }
  }
}

class Search<Id> implements Visitor<RuleCandidate<Id>> {
  readonly matched: Id[] = [];
  private readonly evaluation: Evaluation;

  constructor(readonly event: FlatEvent) {
    this.evaluation = new Evaluation(event);
  }

  meet(candidate: RuleCandidate<Id>, place: Way): void {
    const { rule } = candidate;
    if (candidate.event === this.event.serial || rule.event === this.event.serial) return;
    candidate.event = this.event.serial;
    if (!this.evaluation.holds(candidate.conditions, candidate.repeatsPath ? NO_WAY : place)) return;
    rule.event = this.event.serial;
    this.matched.push(rule.id);
  }

  end(): void {
    this.evaluation.end();
  }
}

/** Whether one pattern matches one event; throws MatchingTooCostly. To try many patterns or many events, keep a PatternMatcher. */
export function matches(pattern: Pattern, event: JsonObject): boolean {
  const matcher = new PatternMatcher<true>();
  matcher.add(true, pattern);
  return matcher.match(event).length > 0;
}
