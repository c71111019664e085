import { type JsonObject } from '../kernel/json';
import { flatten } from './flatten';
import { PathTree } from './path-tree';

function fieldsOf(event: JsonObject, ...paths: string[]): Record<string, unknown> {
  const tree = new PathTree();
  const nodes = paths.map((path) => [path, tree.acquire(path)] as const);
  const flat = flatten(tree.root, event);
  return Object.fromEntries(
    nodes.flatMap(([path, node]) => {
      const field = flat.field(node);
      return field === undefined ? [] : [[path, field.values]];
    }),
  );
}

describe('flattening an event', () => {
  it('keeps only the paths that rules mention', () => {
    expect(fieldsOf({ a: { b: 1, c: 2 }, d: [3] }, 'a.b', 'x')).toEqual({ 'a.b': [1] });
  });

  it('gathers all values of a path, from arrays and from every spelling', () => {
    const event = { a: [{ b: 1 }, { b: [2, [3]] }, 4], 'a.b': 5 };
    const found = fieldsOf(event, 'a.b', 'a');
    expect((found['a.b'] as number[]).sort()).toEqual([1, 2, 3, 5]);
    expect(found.a).toEqual([4]);
  });

  it('finds nothing in empty arrays and objects, but finds null', () => {
    expect(fieldsOf({ a: [], b: {}, c: null, d: [[], {}] }, 'a', 'b', 'c', 'd')).toEqual({ c: [null] });
  });

  it('gives objects of one array elements of their own, except where there is no choice', () => {
    const tree = new PathTree();
    const path = tree.acquire('a.b');
    const event = { a: [{ b: 1 }, { b: 2 }] };
    const field = flatten(tree.root, event).field(path);
    expect(new Set(field?.elements).size).toBe(2);
    expect(field?.isFree).toBe(false);
    expect(flatten(tree.root, { a: [{ b: 1 }] }).field(path)?.isFree).toBe(true);
    expect(flatten(tree.root, { a: { b: [1, 2] } }).field(path)?.isFree).toBe(true);
  });

  it('forgets a path with the last rule that mentions it', () => {
    const tree = new PathTree();
    const long = tree.acquire('a.b.c');
    const short = tree.acquire('a.b');
    tree.release(long);
    expect(flatten(tree.root, { a: { b: 1 } }).field(short)?.values).toEqual([1]);
    tree.release(short);
    expect(tree.root.children).toBeUndefined();
  });
});
