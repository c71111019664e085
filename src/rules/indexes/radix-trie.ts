interface TrieNode<T> {
  /** Characters on the way into this node, in walking order. */
  label: string;
  value: T | undefined;
  /** By the first character code of their labels; most nodes have none. */
  children: Map<number, TrieNode<T>> | undefined;
}

/** From here on the built-in comparison beats one by characters. */
const LONG_LABEL = 8;

/**
 * A prefix trie with chains merged into labels: at most two nodes a key, whatever the keys' length, and a look-up
 * reads the text once. With `fromEnd` keys and texts are read backwards, which makes it a trie of suffixes.
 */
export class RadixTrie<T extends object> {
  private readonly root: TrieNode<T> = { label: '', value: undefined, children: undefined };

  private count = 0;

  constructor(private readonly fromEnd = false) {}

  get size(): number {
    return this.count;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  get(key: string): T | undefined {
    return this.path(this.ordered(key))?.at(-1)?.value;
  }

  set(key: string, value: T): void {
    const text = this.ordered(key);
    let node = this.root;
    let at = 0;
    while (at < text.length) {
      const child = node.children?.get(text.charCodeAt(at));
      if (child === undefined) {
        node = adopt(node, { label: text.slice(at), value: undefined, children: undefined });
        break;
      }
      const common = commonLength(child.label, text, at);
      node = common === child.label.length ? child : splitAt(node, child, common);
      at += common;
    }
    if (node.value === undefined) this.count++;
    node.value = value;
  }

  delete(key: string): void {
    const path = this.path(this.ordered(key));
    const node = path?.pop();
    if (path === undefined || node?.value === undefined) return;
    node.value = undefined;
    this.count--;
    const parent = path.pop();
    if (node.children === undefined && parent !== undefined) {
      parent.children?.delete(node.label.charCodeAt(0));
      if (parent.children?.size === 0) parent.children = undefined;
      if (path.length > 0) mergeOnlyChild(parent);
    } else if (parent !== undefined) {
      mergeOnlyChild(node);
    }
  }

  /** Whether some key starts with this character code; for callers that try many positions of a text. */
  mayStart(code: number): boolean {
    return this.root.children?.has(code) ?? false;
  }

  /**
   * Adds the values of all keys that the text starts (or ends) with after `skip` characters; `ends`, where given,
   * receives for each the number of characters of the text read so far. Returns the number of nodes visited.
   */
  collect(text: string, skip: number, found: T[], ends?: number[]): number {
    let node = this.root;
    let at = skip;
    for (let visited = 1; ; visited++) {
      if (node.value !== undefined) {
        found.push(node.value);
        ends?.push(at);
      }
      if (node.children === undefined || at >= text.length) return visited;
      const child = node.children.get(this.code(text, at));
      if (child === undefined || !this.continues(text, at, child.label)) return visited;
      at += child.label.length;
      node = child;
    }
  }

  private continues(text: string, at: number, label: string): boolean {
    if (label.length > text.length - at) return false;
    if (!this.fromEnd && label.length > LONG_LABEL) return text.startsWith(label, at);
    for (let i = 1; i < label.length; i++) {
      if (label.charCodeAt(i) !== this.code(text, at + i)) return false;
    }
    return true;
  }

  private code(text: string, at: number): number {
    return text.charCodeAt(this.fromEnd ? text.length - 1 - at : at);
  }

  private ordered(key: string): string {
    return this.fromEnd ? key.split('').reverse().join('') : key;
  }

  /** The nodes from the root to the one of this key, or undefined where there is no such node. */
  private path(text: string): TrieNode<T>[] | undefined {
    const path = [this.root];
    for (let at = 0, node = this.root; at < text.length;) {
      const child = node.children?.get(text.charCodeAt(at));
      if (child === undefined || !text.startsWith(child.label, at)) return undefined;
      at += child.label.length;
      path.push(child);
      node = child;
    }
    return path;
  }
}

function adopt<T>(parent: TrieNode<T>, child: TrieNode<T>): TrieNode<T> {
  parent.children ??= new Map();
  parent.children.set(child.label.charCodeAt(0), child);
  return child;
}

function commonLength(label: string, text: string, at: number): number {
  const limit = Math.min(label.length, text.length - at);
  let length = 1;
  while (length < limit && label.charCodeAt(length) === text.charCodeAt(at + length)) length++;
  return length;
}

/** Puts a node between parent and child that holds the first `length` characters of the child's label. */
function splitAt<T>(parent: TrieNode<T>, child: TrieNode<T>, length: number): TrieNode<T> {
  const upper: TrieNode<T> = { label: child.label.slice(0, length), value: undefined, children: undefined };
  child.label = child.label.slice(length);
  adopt(upper, child);
  return adopt(parent, upper);
}

function mergeOnlyChild<T>(node: TrieNode<T>): void {
  if (node.value !== undefined || node.children?.size !== 1) return;
  for (const child of node.children.values()) {
    node.label += child.label;
    node.value = child.value;
    node.children = child.children;
  }
}
