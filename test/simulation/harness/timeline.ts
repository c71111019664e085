interface Event {
  at: number;
  order: number;
  run: () => void;
}

/** Virtual time: events one after the other, in the order of their time, then of their making. */
export class Timeline {
  now = 0;
  private made = 0;
  private readonly heap: Event[] = [];

  at(at: number, run: () => void): void {
    const event = { at: Math.max(at, this.now), order: this.made++, run };
    let place = this.heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(event, this.heap[parent] as Event)) break;
      this.heap[place] = this.heap[parent] as Event;
      place = parent;
    }
    this.heap[place] = event;
  }

  /** Until `isOver` says so or the time has come. What an event sets off at once happens before the next one. */
  async run(until: number, isOver: () => boolean): Promise<void> {
    for (let next = this.heap[0]; next !== undefined && next.at <= until && !isOver(); next = this.heap[0]) {
      this.removeFirst();
      this.now = next.at;
      next.run();
      await settled();
    }
  }

  private removeFirst(): void {
    const last = this.heap.pop() as Event;
    if (this.heap.length === 0) return;
    let place = 0;
    for (let child = 1; child < this.heap.length; child = 2 * place + 1) {
      if (child + 1 < this.heap.length && before(this.heap[child + 1] as Event, this.heap[child] as Event))
        child++;
      if (!before(this.heap[child] as Event, last)) break;
      this.heap[place] = this.heap[child] as Event;
      place = child;
    }
    this.heap[place] = last;
  }
}

const before = (one: Event, other: Event): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);

/** All promises and immediates that are under way have come to rest. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
