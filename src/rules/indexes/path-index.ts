import { foldCase } from '../fold-case';
import { addressBits } from '../ip-address';
import { type Matcher, type Scalar, matcherKey, satisfies } from '../matchers';
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

  /** The targets of all matchers that some of the values satisfy; a target may come more than once. */
  collect(values: readonly Scalar[], found: T[]): void {
    if (this.exact.size > 0) this.collectExact(values, found);
    if (this.ignoringCase !== undefined) collectFolded(this.ignoringCase, values, found);
    if (this.prefixes !== undefined) collectAffixes(this.prefixes, values, found);
    if (this.suffixes !== undefined) collectAffixes(this.suffixes, values, found);
    if (this.foldedPrefixes !== undefined) collectAffixes(this.foldedPrefixes, values, found, foldCase);
    if (this.foldedSuffixes !== undefined) collectAffixes(this.foldedSuffixes, values, found, foldCase);
    if (this.networks !== undefined) collectAffixes(this.networks, values, found, addressBits);
    if (this.wildcards !== undefined) this.wildcards.collect(values, found);
    if (this.ranges !== undefined) this.ranges.collect(values, found);
    if (this.refusals !== undefined) collectRefusals(this.refusals, values, found);
    if (this.present !== undefined) found.push(this.present);
  }

  /** What `exists: false` leads to; asked for only when the event has no value at this path. */
  get whenAbsent(): T | undefined {
    return this.absent;
  }

  private collectExact(values: readonly Scalar[], found: T[]): void {
    for (const value of values) {
      const target = this.exact.get(value);
      if (target !== undefined) found.push(target);
    }
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

function collectFolded<T>(targets: Map<string, T>, values: readonly Scalar[], found: T[]): void {
  if (targets.size === 0) return;
  for (const value of values) {
    const target = typeof value === 'string' ? targets.get(foldCase(value)) : undefined;
    if (target !== undefined) found.push(target);
  }
}

function collectAffixes<T extends object>(
  trie: RadixTrie<T>,
  values: readonly Scalar[],
  found: T[],
  form?: (text: string) => string | undefined,
): void {
  if (trie.isEmpty) return;
  for (const value of values) {
    if (typeof value !== 'string') continue;
    const text = form === undefined ? value : form(value);
    if (text !== undefined) trie.collect(text, 0, found);
  }
}

/** Two different values satisfy nearly every anything-but together, so few of them are tried on long arrays. */
function collectRefusals<T>(refusals: Map<string, Refusal<T>>, values: readonly Scalar[], found: T[]): void {
  if (refusals.size === 0) return;
  let open = [...refusals.values()];
  for (const value of values) {
    if (open.length === 0) return;
    open = open.filter(({ matcher, target }) => {
      if (!satisfies(matcher, value)) return true;
      found.push(target);
      return false;
    });
  }
}
