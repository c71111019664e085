import { type SharedCondition } from './condition-table';
import { type FlatEvent } from './flatten';
import { PathIndex } from './indexes/path-index';
import { type Matcher } from './matchers';
import { type PathNode } from './path-tree';
import { weight } from './selectivity';

/** Something with conditions that must all hold; the tree remembers in it where it was put. */
export interface Candidate<Self extends Candidate<Self>> {
  readonly conditions: readonly SharedCondition[];
  readonly places: RuleNode<Self>[];
}

export interface Visitor<C extends Candidate<C>> {
  /** The event may satisfy the candidate; the same one may be met again in another place. */
  meet(candidate: C, place: RuleNode<C>): void;
}

/** Candidates in one node before it is divided by a further condition: trying so few is as cheap as a look-up. */
const CROWD = 12;
/** Places that one candidate may take below the first level, so that long lists of values do not multiply. */
const MOST_PLACES = 256;

/**
 * The candidates whose conditions on the way to this node are satisfied. At each level a candidate is reached by only
 * one of its conditions, the most selective; where many share that one, they are told apart by another one a level
 * lower. So thousands of rules on one value are one look-up and then a second one, and rules that only say what must
 * not be are touched only where nothing else of theirs could keep them away.
 */
export class RuleNode<C extends Candidate<C>> {
  /** Candidates that nothing further is looked up for: each is tried. */
  private residents: C[] = [];
  private branches: Map<PathNode, PathBranch<C>> | undefined;
  /** Paths of branches with an `exists: false`. */
  private absences: Set<PathNode> | undefined;
  /** Places taken in this node and below. */
  private load = 0;
  /** Serial of the event that last came here. */
  private event = 0;

  constructor(private readonly origin?: { parent: RuleNode<C>; path: PathNode; matcher: Matcher }) {}

  /** Leads the visitor to every candidate that the event may satisfy. */
  lead(event: FlatEvent, visitor: Visitor<C>): void {
    for (const resident of this.residents) visitor.meet(resident, this);
    if (this.branches === undefined) return;
    for (const node of this.next(this.branches, event)) {
      if (node.event === event.serial) continue;
      node.event = event.serial;
      node.lead(event, visitor);
    }
  }

  place(candidate: C): void {
    const condition = this.isDivided ? this.cheapest(candidate) : undefined;
    if (condition === undefined) {
      this.reside(candidate);
    } else {
      for (const matcher of condition.anyOf) this.child(condition.path, matcher).place(candidate);
    }
  }

  /** Takes the candidate out of this node, one of its places. */
  evict(candidate: C): void {
    const at = this.residents.indexOf(candidate);
    const last = this.residents.pop();
    if (last !== undefined && at < this.residents.length) this.residents[at] = last;
    this.addLoad(-1);
    this.prune();
  }

  /** Whether a condition on this path led here. */
  isUsed(path: PathNode): boolean {
    return this.origin !== undefined && (this.origin.path === path || this.origin.parent.isUsed(path));
  }

  private get isDivided(): boolean {
    return this.origin === undefined || this.branches !== undefined;
  }

  /** The nodes below that the event leads to; one may come more than once. */
  private next(branches: Map<PathNode, PathBranch<C>>, event: FlatEvent): RuleNode<C>[] {
    const found: RuleNode<C>[] = [];
    event.spend(1 + Math.min(branches.size, event.fields.length));
    if (branches.size < event.fields.length) {
      for (const [path, { index }] of branches) {
        const field = event.field(path);
        if (field !== undefined) index.collect(field, found, event);
      }
    } else {
      for (const field of event.fields) branches.get(field.path)?.index.collect(field, found, event);
    }
    if (this.absences !== undefined) this.collectAbsences(this.absences, event, found);
    return found;
  }

  private collectAbsences(absences: Set<PathNode>, event: FlatEvent, found: RuleNode<C>[]): void {
    event.spend(absences.size);
    for (const path of absences) {
      if (event.field(path) !== undefined) continue;
      const node = this.branches?.get(path)?.index.whenAbsent;
      if (node !== undefined) found.push(node);
    }
  }

  private reside(candidate: C): void {
    this.residents.push(candidate);
    candidate.places.push(this);
    this.addLoad(1);
    if (!this.isDivided && this.residents.length > CROWD) this.divide();
  }

  private divide(): void {
    const crowd = this.residents;
    this.residents = [];
    this.branches = new Map();
    this.addLoad(-crowd.length);
    for (const candidate of crowd) {
      candidate.places.splice(candidate.places.indexOf(this), 1);
      this.place(candidate);
    }
  }

  private cheapest(candidate: C): SharedCondition | undefined {
    let best: SharedCondition | undefined;
    let least = Infinity;
    const room = this.origin === undefined ? Infinity : MOST_PLACES / this.spread(candidate);
    for (const condition of candidate.conditions) {
      if (condition.anyOf.length > room || this.isUsed(condition.path)) continue;
      const cost = this.cost(condition);
      if (cost < least) {
        least = cost;
        best = condition;
      }
    }
    return best;
  }

  /**
   * Weighs how often the event comes that way against how many candidates it finds there; a crowd costs no more than
   * one further look-up, however large it is.
   */
  private cost({ path, anyOf }: SharedCondition): number {
    const index = this.branches?.get(path)?.index;
    let cost = 0;
    for (const matcher of anyOf) {
      const load = index?.slot(matcher).get()?.load ?? 0;
      cost += weight(matcher) * (1 + Math.min(load, CROWD));
    }
    return cost;
  }

  /** Places that the candidate takes for the conditions used on the way to this node. */
  private spread(candidate: C): number {
    if (this.origin === undefined) return 1;
    const { parent, path } = this.origin;
    const values = candidate.conditions.find((condition) => condition.path === path)?.anyOf.length ?? 1;
    return values * parent.spread(candidate);
  }

  private child(path: PathNode, matcher: Matcher): RuleNode<C> {
    this.branches ??= new Map();
    let branch = this.branches.get(path);
    if (branch === undefined) this.branches.set(path, (branch = { index: new PathIndex(), size: 0 }));
    const slot = branch.index.slot(matcher);
    let child = slot.get();
    if (child === undefined) {
      child = new RuleNode({ parent: this, path, matcher });
      slot.set(child);
      branch.size++;
      if (isAbsence(matcher)) (this.absences ??= new Set()).add(path);
    }
    return child;
  }

  private prune(): void {
    if (this.load > 0 || this.origin === undefined) return;
    const { parent, path, matcher } = this.origin;
    parent.drop(path, matcher);
    parent.prune();
  }

  private drop(path: PathNode, matcher: Matcher): void {
    const branch = this.branches?.get(path);
    if (branch === undefined) return;
    branch.index.slot(matcher).delete();
    if (isAbsence(matcher)) this.absences?.delete(path);
    if (--branch.size === 0) this.branches?.delete(path);
  }

  private addLoad(change: number): void {
    this.load += change;
    this.origin?.parent.addLoad(change);
  }
}

interface PathBranch<C extends Candidate<C>> {
  index: PathIndex<RuleNode<C>>;
  /** Children in the index. */
  size: number;
}

const isAbsence = (matcher: Matcher): boolean => matcher.kind === 'exists' && !matcher.present;
