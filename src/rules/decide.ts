import { type JsonObject } from '../kernel/json';
import { type Priority } from '../kernel/priority';
import { type RoutingAction, type RuleAction } from './actions';
import { type Candidate, type Decision, type DecisionInput, type Effect, type Reason } from './decision';
import { type Verdict } from './expressions';
import { type CompiledRule } from './rule-set';

/**
 * What rules that matched make of a job. All conditions were held against the job as it was submitted: no rule sees
 * what another one changed. `verdicts` answers for each rule with an expression, by its id.
 */
export function decide(
  matched: readonly CompiledRule[],
  verdicts: ReadonlyMap<string, Verdict>,
  input: DecisionInput,
): Decision {
  const course = new Course(input);
  for (const rule of matched) {
    if (course.accepts(rule, verdicts)) course.apply(rule, rule.action);
  }
  return course.end();
}

/** One job on its way through its rules. */
class Course {
  private readonly reasons: Reason[] = [];
  /** Names in the order of the plan, with the reasons of each. */
  private planned: Map<string, Reason[]>;
  /** Names and tags, with the rule that excluded them. */
  private readonly excluded = new Map<string, string>();
  private readonly transforms = new Map<string, string | JsonObject>();
  private dropped: { reason: string; by: string } | undefined;
  private prioritizedBy: string | undefined;
  private stoppedBy: string | undefined;
  private priority: Priority;

  constructor(private readonly input: DecisionInput) {
    this.planned = new Map(input.requested.map((name) => [name, []]));
    this.priority = input.priority;
  }

  accepts(rule: CompiledRule, verdicts: ReadonlyMap<string, Verdict>): boolean {
    if (rule.pattern.expression === undefined) return true;
    const verdict = verdicts.get(rule.id) ?? { failure: '$expr was not evaluated' };
    if ('applies' in verdict) return verdict.applies;
    this.note(rule, 'failed', `does not apply: ${verdict.failure}`);
    return false;
  }

  apply(rule: CompiledRule, action: RuleAction): void {
    if (this.dropped !== undefined) {
      this.note(rule, 'no_effect', `the job was dropped by ${this.dropped.by} before`);
      return;
    }
    switch (action.type) {
      case 'filtering':
        if (action.drop) this.drop(rule, action.reason);
        else this.exclude(rule, action.exclude);
        break;
      case 'prioritization':
        this.prioritize(rule, action.priority);
        break;
      case 'routing':
        this.route(rule, action);
        break;
      case 'transformation':
        this.transform(rule, action.transform, action.destinations);
        break;
    }
  }

  end(): Decision {
    const destinations = [...this.planned].map(([name, because]) => ({
      name,
      because,
      transform: this.transforms.get(name),
    }));
    return {
      dropped: this.dropped?.reason,
      priority: this.priority,
      destinations: this.dropped === undefined ? destinations : [],
      reasons: this.reasons,
    };
  }

  private drop(rule: CompiledRule, reason: string | undefined): void {
    this.dropped = { reason: reason ?? `dropped by the rule ${rule.name}`, by: rule.name };
    this.note(rule, 'dropped', this.dropped.reason);
  }

  /** Holds for the whole job: what is excluded here, no routing rule brings back. */
  private exclude(rule: CompiledRule, namesOrTags: readonly string[]): void {
    let count = 0;
    for (const one of namesOrTags) {
      this.excluded.set(one, this.excluded.get(one) ?? rule.name);
      for (const name of [...this.planned.keys()].filter((planned) => this.isCalled(planned, one))) {
        this.planned.delete(name);
        this.note(rule, 'excluded', `${name} is excluded`, name);
        count++;
      }
    }
    if (count === 0)
      this.note(
        rule,
        'no_effect',
        'nothing that was asked for is excluded by it; it holds for what rules add',
      );
  }

  private prioritize(rule: CompiledRule, priority: Priority): void {
    if (this.prioritizedBy !== undefined) {
      this.note(rule, 'no_effect', `the priority was decided by ${this.prioritizedBy} before`);
      return;
    }
    this.prioritizedBy = rule.name;
    this.note(rule, 'prioritized', `priority ${this.priority} becomes ${priority}`);
    this.priority = priority;
  }

  private route(rule: CompiledRule, action: RoutingAction): void {
    if (this.stoppedBy !== undefined) {
      this.note(rule, 'no_effect', `routing was ended by ${this.stoppedBy} before`);
      return;
    }
    if (action.destinations.length + action.tags.length > 0) this.move(rule, action);
    if (!action.stop) return;
    this.stoppedBy = rule.name;
    this.note(rule, 'stopped', 'no further routing rule is asked');
  }

  private move(rule: CompiledRule, action: RoutingAction): void {
    const before = this.reasons.length;
    if (action.mode === 'remove') this.remove(rule, action);
    else {
      const earlier = this.planned;
      if (action.mode === 'replace') this.planned = new Map();
      this.add(rule, action, earlier);
      for (const name of earlier.keys()) {
        if (!this.planned.has(name)) this.note(rule, 'removed', `${name} is replaced`, name);
      }
    }
    if (this.reasons.length === before) this.note(rule, 'no_effect', 'the plan was so already');
  }

  private remove(rule: CompiledRule, { destinations, tags }: RoutingAction): void {
    for (const name of [...this.planned.keys()]) {
      if (!destinations.includes(name) && !this.tagsOf(name).some((tag) => tags.includes(tag))) continue;
      this.planned.delete(name);
      this.note(rule, 'removed', `${name} is removed`, name);
    }
  }

  private add(rule: CompiledRule, action: RoutingAction, earlier: ReadonlyMap<string, Reason[]>): void {
    let missed = false;
    for (const name of action.destinations) {
      if (!this.addOne(rule, name, earlier, 'added', 'is named')) missed = true;
    }
    for (const tag of action.tags) {
      const tagged = this.withTag(tag);
      if (tagged.length === 0) this.note(rule, 'skipped', `no destination carries the tag ${tag}`);
      const added = tagged.map((name) => this.addOne(rule, name, earlier, 'added', `carries the tag ${tag}`));
      if (added.length === 0 || added.includes(false)) missed = true;
    }
    if (!missed || action.fallback.length === 0) return;
    const usable = action.fallback.find((name) => this.addOne(rule, name, earlier, 'fallback', 'stands in'));
    if (usable === undefined) this.note(rule, 'skipped', 'none of its fallbacks can be used');
  }

  /** False where a destination that the rule wants cannot be used; one that is barred on purpose does not count. */
  private addOne(
    rule: CompiledRule,
    name: string,
    earlier: ReadonlyMap<string, Reason[]>,
    effect: 'added' | 'fallback',
    how: string,
  ): boolean {
    if (this.planned.has(name)) return true;
    const asked = earlier.get(name);
    if (asked !== undefined) {
      this.planned.set(name, asked);
      return true;
    }
    const barredBy = this.barredBy(name);
    const obstacle =
      barredBy === undefined ? obstacleOf(this.input.registered.get(name)) : `is excluded by ${barredBy}`;
    if (obstacle !== undefined) {
      this.note(rule, 'skipped', `${name} ${obstacle}`, name);
      return barredBy !== undefined && effect === 'added';
    }
    this.planned.set(name, []);
    this.note(rule, effect, `${name} ${how}`, name);
    return true;
  }

  private transform(
    rule: CompiledRule,
    transform: string | JsonObject,
    namesOrTags: readonly string[] | undefined,
  ): void {
    let count = 0;
    for (const name of this.planned.keys()) {
      if (namesOrTags !== undefined && !namesOrTags.some((one) => this.isCalled(name, one))) continue;
      if (this.transforms.has(name)) continue;
      this.transforms.set(name, transform);
      const called = typeof transform === 'string' ? transform : 'an inline transform';
      this.note(rule, 'transformed', `${name} receives ${called}`, name);
      count++;
    }
    if (count === 0) this.note(rule, 'no_effect', 'no destination of the job is left for it');
  }

  private note(rule: CompiledRule, effect: Effect, message: string, destination?: string): void {
    const reason: Reason = {
      rule_id: rule.id,
      rule: rule.name,
      rule_type: rule.type,
      version: rule.version,
      effect,
      ...(destination === undefined ? {} : { destination }),
      message,
    };
    this.reasons.push(reason);
    if (destination !== undefined) this.planned.get(destination)?.push(reason);
  }

  private tagsOf(name: string): readonly string[] {
    return this.input.registered.get(name)?.tags ?? [];
  }

  private isCalled(name: string, nameOrTag: string): boolean {
    return name === nameOrTag || this.tagsOf(name).includes(nameOrTag);
  }

  private barredBy(name: string): string | undefined {
    if (this.excluded.size === 0) return undefined;
    const called = [name, ...this.tagsOf(name)].find((one) => this.excluded.has(one));
    return called === undefined ? undefined : this.excluded.get(called);
  }

  /** By name, so that the plan does not depend on the order of registration. */
  private withTag(tag: string): string[] {
    const tagged = [...this.input.registered.values()].filter(({ tags }) => tags.includes(tag));
    return tagged.map(({ name }) => name).sort();
  }
}

/** Why a rule may not send there; maintenance is no obstacle, it ends and the delivery waits. */
function obstacleOf(candidate: Candidate | undefined): string | undefined {
  if (candidate === undefined) return 'is not registered';
  if (candidate.status === 'inactive') return 'is inactive';
  if (candidate.status === 'deprecated') return 'is deprecated';
  return candidate.health_status === 'unhealthy' ? 'is unhealthy' : undefined;
}
