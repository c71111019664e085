import { type FlatField } from '../flatten';
import { addressBits } from '../ip-address';
import { type Matcher, READ_ADDRESS, type Scalar, matcherKey, satisfies } from '../matchers';
import { type Work } from '../work';
import { RadixTrie } from './radix-trie';
import { RangeTree } from './range-tree';
import { WildcardAutomaton } from './wildcard-automaton';

/** Where the target of one matcher is kept. */
export interface Slot<T> {
  get(): T | undefined;
  set(target: T): void;
  delete(): void;
}

interface Keyed<K, T> {
  get(key: K): T | undefined;
  set(key: K, target: T): unknown;
  delete(key: K): unknown;
}

const slotOf = <K, T>(index: Keyed<K, T>, key: K): Slot<T> => ({
  get: () => index.get(key),
  set: (target) => void index.set(key, target),
  delete: () => void index.delete(key),
});

interface Refusal<T> {
  matcher: Matcher;
  target: T;
}

/**
 * The matchers of one path, each kind in the structure that finds the satisfied ones without trying the others. Equal
 * matchers share one target. Structures are made when first needed: most paths know one kind only.
 */
export class PathIndex<T extends object> {
  private readonly exact = new Map<Scalar, T>();
  private ignoringCase: Map<string, T> | undefined;
  private prefixes: RadixTrie<T> | undefined;
  private suffixes: RadixTrie<T> | undefined;
  private foldedPrefixes: RadixTrie<T> | undefined;
  private foldedSuffixes: RadixTrie<T> | undefined;
  private networks: RadixTrie<T> | undefined;
  private wildcards: WildcardAutomaton<T> | undefined;
  private ranges: RangeTree<T> | undefined;
  /** anything-but, by its key. Nearly every value satisfies nearly all of them, so there is nothing to look up. */
  private refusals: Map<string, Refusal<T>> | undefined;
  private present: T | undefined;
  private absent: T | undefined;

  slot(matcher: Matcher): Slot<T> {
    switch (matcher.kind) {
      case 'exact':
        return slotOf(this.exact, matcher.value);
      case 'equals-ignore-case':
        return slotOf((this.ignoringCase ??= new Map<string, T>()), matcher.text);
      case 'prefix':
        return matcher.ignoreCase
          ? slotOf((this.foldedPrefixes ??= new RadixTrie<T>()), matcher.text)
          : slotOf((this.prefixes ??= new RadixTrie<T>()), matcher.text);
      case 'suffix':
        return matcher.ignoreCase
          ? slotOf((this.foldedSuffixes ??= new RadixTrie<T>(true)), matcher.text)
          : slotOf((this.suffixes ??= new RadixTrie<T>(true)), matcher.text);
      case 'cidr':
        return slotOf((this.networks ??= new RadixTrie<T>()), matcher.bits);
      case 'wildcard':
        return slotOf((this.wildcards ??= new WildcardAutomaton<T>()), matcher.pieces);
      case 'numeric':
        return slotOf((this.ranges ??= new RangeTree<T>()), matcher.range);
      case 'anything-but':
      case 'anything-but-text':
        return this.refusalSlot(matcher);
      case 'exists':
        return this.existsSlot(matcher.present ? 'present' : 'absent');
    }
  }

  /** The targets of all matchers that some value of the field satisfies; a target may come more than once. */
  collect(field: FlatField, found: T[], work: Work): void {
    const { values } = field;
    if (this.exact.size > 0) collectExact(this.exact, values, found, work);
    if (this.ignoringCase !== undefined) collectExact(this.ignoringCase, field.folded, found, work);
    if (this.prefixes !== undefined) collectAffixes(this.prefixes, values, found, work);
    if (this.suffixes !== undefined) collectAffixes(this.suffixes, values, found, work);
    if (this.foldedPrefixes !== undefined) collectAffixes(this.foldedPrefixes, field.folded, found, work);
    if (this.foldedSuffixes !== undefined) collectAffixes(this.foldedSuffixes, field.folded, found, work);
    if (this.networks !== undefined) collectNetworks(this.networks, values, found, work);
    if (this.wildcards !== undefined) this.wildcards.collect(values, found, work);
    if (this.ranges !== undefined) this.ranges.collect(values, found, work);
    if (this.refusals !== undefined) collectRefusals(this.refusals, values, found, work);
    if (this.present !== undefined) found.push(this.present);
  }

  /** What `exists: false` leads to; asked for only when the event has no value at this path. */
  get whenAbsent(): T | undefined {
    return this.absent;
  }

  private refusalSlot(matcher: Matcher): Slot<T> {
    const refusals = (this.refusals ??= new Map<string, Refusal<T>>());
    const key = matcherKey(matcher);
    return {
      get: () => refusals.get(key)?.target,
      set: (target) => void refusals.set(key, { matcher, target }),
      delete: () => void refusals.delete(key),
    };
  }

  private existsSlot(side: 'present' | 'absent'): Slot<T> {
    return {
      get: () => this[side],
      set: (target) => void (this[side] = target),
      delete: () => void (this[side] = undefined),
    };
  }
}

function collectExact<K extends Scalar, T>(
  targets: ReadonlyMap<K, T>,
  values: readonly K[],
  found: T[],
  work: Work,
): void {
  work.spend(values.length);
  for (const value of values) {
    const target = targets.get(value);
    if (target !== undefined) found.push(target);
  }
}

function collectAffixes<T extends object>(
  trie: RadixTrie<T>,
  values: readonly Scalar[],
  found: T[],
  work: Work,
): void {
  if (trie.isEmpty) return;
  for (const value of values) {
    work.spend(typeof value === 'string' ? trie.collect(value, 0, found) : 1);
  }
}

function collectNetworks<T extends object>(
  trie: RadixTrie<T>,
  values: readonly Scalar[],
  found: T[],
  work: Work,
): void {
  if (trie.isEmpty) return;
  for (const value of values) {
    const bits = typeof value === 'string' ? addressBits(value) : undefined;
    work.spend(bits === undefined ? 1 : READ_ADDRESS + trie.collect(bits, 0, found));
  }
}

/** Two different values satisfy nearly every anything-but together, so few of them are tried on long arrays. */
function collectRefusals<T>(
  refusals: Map<string, Refusal<T>>,
  values: readonly Scalar[],
  found: T[],
  work: Work,
): void {
  if (refusals.size === 0) return;
  let open = [...refusals.values()];
  for (const value of values) {
    if (open.length === 0) return;
    open = open.filter(({ matcher, target }) => {
      if (!satisfies(matcher, value, work)) return true;
      found.push(target);
      return false;
    });
  }
}
