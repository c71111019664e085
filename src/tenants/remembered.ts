import { type Clock } from '../kernel/clock';

/** With the time of one read beside it: a change made by another process is seen within a second. */
const BELIEVED_MS = 900;
/** From this age on a value that is in use is read again before anybody has to wait for it. */
const RENEWED_MS = BELIEVED_MS / 2;

interface Entry<Value> {
  reading: Promise<Value>;
  /** Set once `reading` is done. */
  done: { value: Value } | undefined;
  /** When the read began: the value is as old as that. */
  readAt: number;
  next: Entry<Value> | undefined;
}

/**
 * What seldom changes and is asked for all the time: believed for a second. However many ask, one read a key is under
 * way, and where the key is in use it is renewed beforehand, so that the hot path does not wait once a second.
 */
export class Remembered<Key, Value> {
  private readonly entries = new Map<Key, Entry<Value>>();

  constructor(
    private readonly read: (key: Key) => Promise<Value>,
    private readonly clock: Clock,
    private readonly most = 10_000,
  ) {}

  get(key: Key): Promise<Value> {
    const known = this.entries.get(key);
    if (known === undefined) return this.replace(key).reading;
    const age = this.now() - known.readAt;
    if (age < RENEWED_MS) return known.reading;
    if (known.done !== undefined && known.next === undefined) this.renew(key, known);
    return age < BELIEVED_MS ? known.reading : (known.next ?? known).reading;
  }

  /** What was read last, however old; undefined where nothing was. */
  latest(key: Key): Value | undefined {
    return this.entries.get(key)?.done?.value;
  }

  /** From a read that is under way or begins now. */
  async newest(key: Key): Promise<Value> {
    const known = this.entries.get(key);
    const reading = known?.done === undefined ? known : known.next;
    return (reading ?? this.replace(key)).reading;
  }

  /** From a read that begins now. */
  again(key: Key): Promise<Value> {
    return this.replace(key).reading;
  }

  /** After a change by this very process; what is being read at this moment does not count. */
  forget(key: Key): void {
    this.entries.delete(key);
  }

  forgetAll(which: (key: Key) => boolean = () => true): void {
    for (const key of this.entries.keys()) if (which(key)) this.entries.delete(key);
  }

  private replace(key: Key): Entry<Value> {
    if (this.entries.size >= this.most) this.entries.clear();
    const entry = this.begin(key);
    this.entries.set(key, entry);
    entry.reading.catch(() => this.entries.get(key) === entry && this.entries.delete(key));
    return entry;
  }

  private renew(key: Key, known: Entry<Value>): void {
    const next = this.begin(key);
    known.next = next;
    next.reading.then(
      () => this.entries.get(key) === known && this.entries.set(key, next),
      () => (known.next = undefined),
    );
  }

  private begin(key: Key): Entry<Value> {
    const entry: Entry<Value> = {
      reading: this.read(key),
      done: undefined,
      readAt: this.now(),
      next: undefined,
    };
    entry.reading.then(
      (value) => (entry.done = { value }),
      () => undefined,
    );
    return entry;
  }

  private now(): number {
    return this.clock.now().getTime();
  }
}
