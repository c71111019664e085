/** A binary heap: the smallest first. */
export class Heap<T> {
  constructor(
    private readonly items: T[],
    private readonly before: (one: T, other: T) => boolean,
  ) {
    for (let at = (items.length >> 1) - 1; at >= 0; at--) this.sink(at);
  }

  get first(): T | undefined {
    return this.items[0];
  }

  /** The first one has changed. */
  settle(): void {
    this.sink(0);
  }

  removeFirst(): void {
    const last = this.items.pop();
    if (this.items.length === 0 || last === undefined) return;
    this.items[0] = last;
    this.sink(0);
  }

  private sink(from: number): void {
    const { items, before } = this;
    const moving = items[from] as T;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as T, items[child] as T)) child++;
      if (!before(items[child] as T, moving)) break;
      items[at] = items[child] as T;
      at = child;
    }
    items[at] = moving;
  }
}
