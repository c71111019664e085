/** First in, first out for each tenant; the tenants take turns. */
export class FairQueue<T> {
  private readonly waiting = new Map<string, T[]>();

  get size(): number {
    return [...this.waiting.values()].reduce((sum, { length }) => sum + length, 0);
  }

  add(tenant: string, item: T): void {
    const line = this.waiting.get(tenant);
    if (line === undefined) this.waiting.set(tenant, [item]);
    else line.push(item);
  }

  /** Back to the front, in their order. */
  giveBack(tenant: string, items: readonly T[]): void {
    if (items.length > 0) this.waiting.set(tenant, [...items, ...(this.waiting.get(tenant) ?? [])]);
  }

  /** A handful of the tenant whose turn it is among those that are allowed; it queues up behind the others again. */
  take(most: number, isAllowed: (tenant: string) => boolean): { tenant: string; items: T[] } | undefined {
    for (const [tenant, line] of this.waiting) {
      if (!isAllowed(tenant)) continue;
      this.waiting.delete(tenant);
      const items = line.splice(0, most);
      if (line.length > 0) this.waiting.set(tenant, line);
      return { tenant, items };
    }
    return undefined;
  }

  drain(): T[] {
    const all = [...this.waiting.values()].flat();
    this.waiting.clear();
    return all;
  }
}
