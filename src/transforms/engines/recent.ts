/** What was made most recently, by its text; the oldest goes when it is full. */
export class Recent<T> {
  private readonly kept = new Map<string, T>();

  constructor(private readonly most: number) {}

  get(text: string, make: () => T): T {
    const known = this.kept.get(text);
    const value = known ?? make();
    this.kept.delete(text);
    this.kept.set(text, value);
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value as string);
    return value;
  }
}
