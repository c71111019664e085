import { type JsonObject } from '../kernel/json';
import { ConditionTable, Evaluation, NO_WAY, type SharedCondition } from './condition-table';
import { flatten } from './flatten';
import { PathTree } from './path-tree';
import { type Condition, type Conjunction, type Pattern } from './pattern';
import { MatchingTooCostly } from './work';

/** Alternatives of one pattern that are looked at. */
const MOST_ALTERNATIVES = 20;

/**
 * Why patterns do not match an event: all of them together, so that the event is read once and each condition evaluated
 * once, out of one allowance of work.
 */
export class Misses {
  private readonly conditions = new Map<Condition, SharedCondition>();
  private readonly evaluation: Evaluation;

  constructor(patterns: readonly Pattern[], event: JsonObject) {
    const paths = new PathTree();
    const table = new ConditionTable(paths);
    for (const condition of patterns.flatMap(examined).flat()) {
      if (!this.conditions.has(condition)) this.conditions.set(condition, table.acquire(condition));
    }
    this.evaluation = new Evaluation(flatten(paths.root, event));
  }

  /** The fields that keep a pattern from matching; with `$or`, those of the alternative that is nearest. */
  whyNot(pattern: Pattern): string[] {
    try {
      return this.fieldsOf(pattern);
    } catch (error) {
      if (error instanceof MatchingTooCostly) return ['not examined: it takes more work than is allowed'];
      throw error;
    }
  }

  private fieldsOf(pattern: Pattern): string[] {
    let nearest: string[] | undefined;
    for (const alternative of examined(pattern)) {
      const missed = this.missedIn(alternative);
      if (nearest === undefined || missed.length < nearest.length) nearest = missed;
    }
    if (nearest === undefined) return ['the pattern can never match'];
    if (nearest.length > 0) return nearest.map((path) => `${path} has no value that the rule asks for`);
    return ['each field is satisfied, but only by different elements of one list'];
  }

  private missedIn(conjunction: Conjunction): string[] {
    const missed = conjunction.filter((condition) => {
      const shared = this.conditions.get(condition);
      return shared !== undefined && !this.evaluation.holds([shared], NO_WAY);
    });
    return [...new Set(missed.map(({ path }) => path))];
  }
}

const examined = ({ alternatives }: Pattern): Conjunction[] => alternatives.slice(0, MOST_ALTERNATIVES);
