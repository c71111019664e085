/** What a sender is at. To close it waits for that, which ends by its own signals, and begins nothing more. */
export class UnderWay {
  private readonly works = new Set<Promise<unknown>>();
  private closing: Promise<void> | undefined;

  get isClosing(): boolean {
    return this.closing !== undefined;
  }

  track<T>(work: Promise<T>): Promise<T> {
    this.works.add(work);
    return work.finally(() => this.works.delete(work));
  }

  /** Idempotent. `end` when nothing is under way any more. */
  close(end: () => Promise<void> | void): Promise<void> {
    this.closing ??= Promise.allSettled(this.works).then(end);
    return this.closing;
  }
}
