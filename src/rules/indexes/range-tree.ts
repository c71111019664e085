import { type Work } from '../work';

/** Numbers between two bounds; an open side is an infinite bound. */
export interface Range {
  low: number;
  lowIncluded: boolean;
  high: number;
  highIncluded: boolean;
}

export const inRange = (range: Range, value: number): boolean =>
  (value > range.low || (range.lowIncluded && value === range.low)) &&
  (value < range.high || (range.highIncluded && value === range.high));

interface RangeNode<T> {
  range: Range;
  value: T;
  /** Heap order among nodes; keeps the tree balanced whatever the order of insertion. */
  rank: number;
  left: RangeNode<T> | undefined;
  right: RangeNode<T> | undefined;
  /** The largest upper bound below this node, itself included: what lets a look-up skip a whole subtree. */
  reach: number;
}

type Subtree<T> = RangeNode<T> | undefined;

/** Ranges ordered by lower bound in a treap, so that all ranges around a number are found without reading the rest. */
export class RangeTree<T extends object> {
  private root: Subtree<T>;
  private lastRank = 0x9e3779b9;

  get isEmpty(): boolean {
    return this.root === undefined;
  }

  get(range: Range): T | undefined {
    let node = this.root;
    while (node !== undefined) {
      const order = compare(range, node.range);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** The range must not be in the tree yet. */
  set(range: Range, value: T): void {
    this.root = insert(this.root, {
      range,
      value,
      rank: this.nextRank(),
      left: undefined,
      right: undefined,
      reach: range.high,
    });
  }

  delete(range: Range): void {
    this.root = remove(this.root, range);
  }

  collect(values: readonly unknown[], found: T[], work: Work): void {
    for (const value of values) {
      if (typeof value === 'number') stab(this.root, value, found, work);
    }
  }

  /** Pseudo-random (xorshift), yet the same in every process: a matcher's speed does not depend on luck. */
  private nextRank(): number {
    let rank = this.lastRank;
    rank ^= rank << 13;
    rank ^= rank >>> 17;
    rank ^= rank << 5;
    return (this.lastRank = rank);
  }
}

function compare(a: Range, b: Range): number {
  if (a.low !== b.low) return a.low < b.low ? -1 : 1;
  if (a.high !== b.high) return a.high < b.high ? -1 : 1;
  if (a.lowIncluded !== b.lowIncluded) return a.lowIncluded ? -1 : 1;
  if (a.highIncluded !== b.highIncluded) return a.highIncluded ? -1 : 1;
  return 0;
}

/** A node of the tree, against trying one value. */
const VISIT = 4;

function stab<T>(node: Subtree<T>, value: number, found: T[], work: Work): void {
  work.spend(VISIT);
  if (node === undefined || node.reach < value) return;
  stab(node.left, value, found, work);
  if (node.range.low > value) return;
  if (inRange(node.range, value)) found.push(node.value);
  stab(node.right, value, found, work);
}

function refresh<T>(node: RangeNode<T>): RangeNode<T> {
  node.reach = Math.max(node.range.high, node.left?.reach ?? -Infinity, node.right?.reach ?? -Infinity);
  return node;
}

function insert<T>(node: Subtree<T>, added: RangeNode<T>): RangeNode<T> {
  if (node === undefined) return added;
  if (compare(added.range, node.range) < 0) {
    node.left = insert(node.left, added);
    return node.left.rank > node.rank ? rotateRight(node, node.left) : refresh(node);
  }
  node.right = insert(node.right, added);
  return node.right.rank > node.rank ? rotateLeft(node, node.right) : refresh(node);
}

function rotateRight<T>(node: RangeNode<T>, left: RangeNode<T>): RangeNode<T> {
  node.left = left.right;
  left.right = refresh(node);
  return refresh(left);
}

function rotateLeft<T>(node: RangeNode<T>, right: RangeNode<T>): RangeNode<T> {
  node.right = right.left;
  right.left = refresh(node);
  return refresh(right);
}

function remove<T>(node: Subtree<T>, range: Range): Subtree<T> {
  if (node === undefined) return undefined;
  const order = compare(range, node.range);
  if (order === 0) return join(node.left, node.right);
  if (order < 0) node.left = remove(node.left, range);
  else node.right = remove(node.right, range);
  return refresh(node);
}

function join<T>(left: Subtree<T>, right: Subtree<T>): Subtree<T> {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.rank > right.rank) {
    left.right = join(left.right, right);
    return refresh(left);
  }
  right.left = join(left, right.left);
  return refresh(right);
}
