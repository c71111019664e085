import fc from 'fast-check';
import { RadixTrie } from './radix-trie';
import { type Range, RangeTree, inRange } from './range-tree';
import { WildcardAutomaton } from './wildcard-automaton';

const UNBOUNDED = { spend: () => undefined };

/** Adds and removes in any order; what an index then finds is compared with trying every entry. */
interface Steps<K> {
  added: K[];
  removed: number[];
}

const steps = <K>(key: fc.Arbitrary<K>): fc.Arbitrary<Steps<K>> =>
  fc.record({ added: fc.array(key, { maxLength: 20 }), removed: fc.array(fc.nat(19), { maxLength: 12 }) });

interface Index<K> {
  readonly isEmpty: boolean;
  get(key: K): { key: K } | undefined;
  set(key: K, target: { key: K }): void;
  delete(key: K): void;
}

/** The targets that are left in the index after all steps. */
function apply<K>(index: Index<K>, { added, removed }: Steps<K>): { key: K }[] {
  const left = new Set<{ key: K }>();
  for (const key of added) {
    if (index.get(key) !== undefined) continue;
    const target = { key };
    index.set(key, target);
    left.add(target);
  }
  for (const i of removed) {
    const key = added[i];
    const target = key === undefined ? undefined : index.get(key);
    if (key === undefined || target === undefined) continue;
    index.delete(key);
    left.delete(target);
  }
  expect(index.isEmpty).toBe(left.size === 0);
  return [...left];
}

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom('a', 'b'), maxLength });

describe('the trie', () => {
  it.each([false, true])(
    'finds the keys that a text starts with, or with fromEnd=%s ends with',
    (fromEnd) => {
      const run = fc.property(steps(text(5)), text(8), (all, value) => {
        const trie = new RadixTrie<{ key: string }>(fromEnd);
        const left = apply(trie, all);
        const found: { key: string }[] = [];
        trie.collect(value, 0, found);
        expect(new Set(found)).toEqual(
          new Set(left.filter(({ key }) => (fromEnd ? value.endsWith(key) : value.startsWith(key)))),
        );
        expect(found).toHaveLength(new Set(found).size);
        expect(trie.size).toBe(left.length);
      });
      fc.assert(run, { numRuns: 1000 });
    },
  );
});

describe('the range tree', () => {
  const number = fc.constantFrom(-Infinity, -1, 0, 1, 2, 3, Infinity);
  const range: fc.Arbitrary<Range> = fc.record({
    low: number,
    lowIncluded: fc.boolean(),
    high: number,
    highIncluded: fc.boolean(),
  });

  it('finds the ranges around a number', () => {
    const run = fc.property(steps(range), fc.constantFrom(-2, -1, 0, 0.5, 1, 2, 3, 4), (all, value) => {
      const tree = new RangeTree<{ key: Range }>();
      const left = apply(tree, all);
      const found: { key: Range }[] = [];
      tree.collect([value, 'x', null], found, UNBOUNDED);
      expect(new Set(found)).toEqual(new Set(left.filter(({ key }) => inRange(key, value))));
    });
    fc.assert(run, { numRuns: 1000 });
  });

  it('does not degenerate where ranges come in order', () => {
    const tree = new RangeTree<Range>();
    for (let low = 0; low < 50_000; low++) {
      const one = { low, lowIncluded: true, high: low + 1, highIncluded: false };
      tree.set(one, one);
    }
    const found: Range[] = [];
    tree.collect([31_415.9], found, UNBOUNDED);
    expect(found.map(({ low }) => low)).toEqual([31_415]);
  });
});

describe('the wildcard automaton', () => {
  const inner = text(2).filter((piece) => piece !== '');
  const pieces = fc
    .tuple(text(2), fc.array(inner, { maxLength: 3 }), text(2), fc.boolean())
    .map(([start, middle, end, hasStar]) => (hasStar ? [start, ...middle, end] : [start]));

  it('finds the wildcards that a text fits', () => {
    const run = fc.property(steps(pieces), text(10), (all, value) => {
      const automaton = new WildcardAutomaton<{ key: string[] }>();
      const left = apply(automaton, all);
      const found: { key: string[] }[] = [];
      automaton.collect([value, 5], found, UNBOUNDED);
      expect(new Set(found)).toEqual(
        new Set(left.filter(({ key }) => new RegExp(`^${key.join('.*')}$`).test(value))),
      );
      expect(found).toHaveLength(new Set(found).size);
    });
    fc.assert(run, { numRuns: 2000 });
  });
});
