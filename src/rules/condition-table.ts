import { ArrayConsistency, type Places } from './array-consistency';
import { EVERYWHERE, type FlatEvent, type FlatField } from './flatten';
import { type Matcher, type Scalar, matcherKey, satisfies } from './matchers';
import { type PathNode, type PathTree } from './path-tree';
import { type Condition } from './pattern';
import { type Work } from './work';

/** A condition, shared by all rules that state it, so that it is evaluated at most once an event. */
export interface SharedCondition {
  readonly key: string;
  readonly path: PathNode;
  readonly anyOf: readonly Matcher[];
  /** The plain values of a long list; a short one is quicker to try value by value. */
  readonly values: ReadonlySet<Scalar> | undefined;
  /** All the values, where there are only plain ones. */
  readonly onlyValues: readonly Scalar[] | undefined;
  /** What `values` does not cover. */
  readonly others: readonly Matcher[];
  readonly allowsAbsence: boolean;
  uses: number;
  /** Serial of the event that `outcome` is about. */
  event: number;
  /** Replaced by false after the match where it is a list, whose size depends on the event. */
  outcome: Outcome;
}

/**
 * `true`: satisfied whatever element of an array other fields choose. `false`: not satisfied. A list: satisfied only
 * in these elements.
 */
export type Outcome = boolean | Places;

const LONG_LIST = 8;
/** Values of an event at one path from which on exact values are looked up instead of compared with each. */
const LONG_FIELD = 64;

export class ConditionTable {
  private readonly byKey = new Map<string, SharedCondition>();

  constructor(private readonly paths: PathTree) {}

  acquire(condition: Condition): SharedCondition {
    const key = `${condition.path}\n${condition.anyOf.map(matcherKey).join()}`;
    let shared = this.byKey.get(key);
    if (shared === undefined) {
      shared = this.newCondition(key, condition);
      this.byKey.set(key, shared);
    }
    shared.uses++;
    return shared;
  }

  release(shared: SharedCondition): void {
    if (--shared.uses > 0) return;
    this.byKey.delete(shared.key);
    this.paths.release(shared.path);
  }

  private newCondition(key: string, { path, anyOf }: Condition): SharedCondition {
    const exact = anyOf.flatMap((matcher) => (matcher.kind === 'exact' ? [matcher.value] : []));
    const isLong = exact.length > LONG_LIST;
    return {
      key,
      path: this.paths.acquire(path),
      anyOf,
      values: isLong ? new Set(exact) : undefined,
      onlyValues: exact.length === anyOf.length ? exact : undefined,
      others: isLong ? anyOf.filter((matcher) => matcher.kind !== 'exact') : anyOf,
      allowsAbsence: anyOf.some((matcher) => matcher.kind === 'exists' && !matcher.present),
      uses: 0,
      event: 0,
      outcome: false,
    };
  }
}

/** By which conditions the event came to a rule: of those, some value is known to satisfy one of the matchers. */
export interface Way {
  isUsed(path: PathNode): boolean;
}

export const NO_WAY: Way = { isUsed: () => false };

/** Evaluates conditions on one event, each at most once. */
export class Evaluation {
  private readonly listed: SharedCondition[] = [];
  private consistency: ArrayConsistency | undefined;

  constructor(private readonly event: FlatEvent) {}

  holds(conditions: readonly SharedCondition[], way: Way): boolean {
    let choices: Places[] | undefined;
    this.event.spend(conditions.length);
    for (const condition of conditions) {
      const outcome = this.isSettled(condition, conditions, way) || this.outcome(condition);
      if (outcome === false) return false;
      if (outcome !== true) (choices ??= []).push(outcome);
    }
    if (choices === undefined || choices.length === 1) return true;
    this.consistency ??= new ArrayConsistency(this.event, this.event);
    return this.consistency.allows(choices);
  }

  /** Lets go of what is as large as the event. */
  end(): void {
    for (const condition of this.listed) {
      condition.event = 0;
      condition.outcome = false;
    }
  }

  /** Which value it was that satisfied the condition matters only where another one lies in arrays of objects too. */
  private isSettled(condition: SharedCondition, among: readonly SharedCondition[], way: Way): boolean {
    if (!way.isUsed(condition.path)) return false;
    return this.isFree(condition) || among.every((other) => other === condition || this.isFree(other));
  }

  private isFree({ path }: SharedCondition): boolean {
    return this.event.field(path)?.isFree ?? true;
  }

  private outcome(condition: SharedCondition): Outcome {
    if (condition.event === this.event.serial) return condition.outcome;
    const field = this.event.field(condition.path);
    const outcome =
      field === undefined ? condition.allowsAbsence : evaluateField(condition, field, this.event);
    if (typeof outcome !== 'boolean') this.listed.push(condition);
    condition.event = this.event.serial;
    return (condition.outcome = outcome);
  }
}

function evaluateField(condition: SharedCondition, field: FlatField, work: Work): Outcome {
  const { values, elements } = field;
  if (condition.onlyValues !== undefined && values.length > LONG_FIELD) {
    return lookUp(condition.onlyValues, field, work);
  }
  let places: number[] | undefined;
  for (let i = 0; i < values.length; i++) {
    if (!holds(condition, values[i] as Scalar, work)) continue;
    const element = elements[i] as number;
    if (element === EVERYWHERE) return true;
    (places ??= []).push(element);
  }
  return places ?? false;
}

function lookUp(wanted: readonly Scalar[], field: FlatField, work: Work): Outcome {
  const places = wanted.flatMap((value) => field.elementsWith(value));
  work.spend(wanted.length + places.length);
  return places.length === 0 ? false : places.includes(EVERYWHERE) || places;
}

function holds(condition: SharedCondition, value: Scalar, work: Work): boolean {
  work.spend(1);
  if (condition.values?.has(value)) return true;
  for (const matcher of condition.others) {
    if (satisfies(matcher, value, work)) return true;
  }
  return false;
}
