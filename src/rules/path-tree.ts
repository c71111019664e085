/** One name on the paths that rules mention. Its identity stands for the whole path from the root. */
export interface PathNode {
  readonly name: string;
  readonly parent: PathNode | undefined;
  children: Map<string, PathNode> | undefined;
  /** Conditions on exactly this path; a node with none is only on the way to others. */
  uses: number;
}

/** The paths of all rules, so that an event is read only where some rule looks. */
export class PathTree {
  readonly root: PathNode = { name: '', parent: undefined, children: undefined, uses: 0 };

  acquire(path: string): PathNode {
    let node = this.root;
    for (const name of path.split('.')) {
      node.children ??= new Map();
      let child = node.children.get(name);
      if (child === undefined) {
        child = { name, parent: node, children: undefined, uses: 0 };
        node.children.set(name, child);
      }
      node = child;
    }
    node.uses++;
    return node;
  }

  release(path: PathNode): void {
    path.uses--;
    for (let node = path; node.uses === 0 && node.children === undefined && node.parent !== undefined;) {
      const { parent } = node;
      parent.children?.delete(node.name);
      if (parent.children?.size === 0) parent.children = undefined;
      node = parent;
    }
  }
}

/** The node that an event's key leads to; a key with dots is the same path as nested objects. */
export function stepInto(node: PathNode, key: string): PathNode | undefined {
  const child = node.children?.get(key);
  if (child !== undefined || !key.includes('.')) return child;
  let next: PathNode | undefined = node;
  for (const name of key.split('.')) next = next?.children?.get(name);
  return next;
}
