import { type Sender } from './port';

/** Which way is meant: one version of one destination of one tenant. */
export interface SenderKey {
  tenantId: string;
  destination: string;
  /** Grows with every change of the destination. */
  version: number;
}

interface Entry {
  key: SenderKey;
  opening: Promise<Sender>;
  /** Set once `opening` has succeeded: the hot path does not wait. */
  sender: Sender | undefined;
  inFlight: number;
  lastUsed: number;
  /** Set when it is superseded or idle: nobody finds it any more, and it closes once this was called. */
  drained: (() => void) | undefined;
}

export interface SendersOptions {
  /** How long a sender is kept without work. */
  idleMs?: number;
  /** Above this many, the one unused for longest goes first. */
  maxOpen?: number;
  now?: () => number;
  /** A sender that cannot be closed is reported here and forgotten. */
  onCloseError?: (error: unknown, key: SenderKey) => void;
}

/**
 * The open senders of this process, shared by all attempts of a destination so that its connections are
 * kept. A sender is closed when idle, when a newer version is used, or at the end, always after its last
 * delivery: `use` counts them, so none is closed under a delivery and none is left open.
 */
export class Senders {
  private readonly entries = new Map<string, Entry>();
  private readonly closing = new Set<Promise<void>>();
  private readonly idleMs: number;
  private readonly maxOpen: number;
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: SendersOptions = {}) {
    this.idleMs = options.idleMs ?? 5 * 60_000;
    this.maxOpen = options.maxOpen ?? 5000;
    this.now = options.now ?? Date.now;
  }

  /** Senders that can be used; those still draining are not counted. */
  get size(): number {
    return this.entries.size;
  }

  /**
   * Runs `work` with the sender of `key`, opening it by `open` when there is none; several callers share one
   * opening. Rejects with the error of `open` (the next call tries again) or of `work`.
   */
  async use<T>(
    key: SenderKey,
    open: () => Sender | Promise<Sender>,
    work: (sender: Sender) => Promise<T>,
  ): Promise<T> {
    const entry = this.acquire(key, open);
    try {
      return await work(entry.sender ?? (await entry.opening));
    } finally {
      entry.inFlight--;
      entry.lastUsed = this.now();
      if (entry.inFlight === 0) entry.drained?.();
    }
  }

  /** Closes what has been idle for too long; runs by itself while anything is open. */
  closeIdle(): void {
    const limit = this.now() - this.idleMs;
    for (const entry of this.entries.values()) {
      if (entry.inFlight === 0 && entry.lastUsed <= limit) this.retire(entry);
    }
    if (this.entries.size === 0) this.stopTimer();
  }

  /** Closes every sender after its last delivery; the end of the deliveries is the caller's to bring about. */
  async closeAll(): Promise<void> {
    this.closed = true;
    this.stopTimer();
    for (const entry of this.entries.values()) this.retire(entry);
    await Promise.all(this.closing);
  }

  /** The entry with one more in flight. */
  private acquire(key: SenderKey, open: () => Sender | Promise<Sender>): Entry {
    const known = this.entries.get(nameOf(key));
    if (known !== undefined && known.key.version === key.version) {
      known.inFlight++;
      return known;
    }
    if (this.closed) throw new Error('The senders are closed: no delivery starts during shutdown');
    const entry = this.opened(key, open);
    if (known !== undefined && known.key.version > key.version) {
      // An attempt claimed before the change: its way is opened for it alone.
      this.retire(entry);
      return entry;
    }
    if (known !== undefined) this.retire(known);
    this.entries.set(nameOf(key), entry);
    this.makeRoom();
    this.startTimer();
    return entry;
  }

  private opened(key: SenderKey, open: () => Sender | Promise<Sender>): Entry {
    const opening = (async () => open())();
    const entry: Entry = {
      key,
      opening,
      sender: undefined,
      inFlight: 1,
      lastUsed: this.now(),
      drained: undefined,
    };
    opening.then(
      (sender) => (entry.sender = sender),
      () => this.retire(entry),
    );
    return entry;
  }

  private retire(entry: Entry): void {
    if (entry.drained !== undefined) return;
    if (this.entries.get(nameOf(entry.key)) === entry) this.entries.delete(nameOf(entry.key));
    let drain = (): void => undefined;
    const drained = new Promise<void>((resolve) => (drain = resolve));
    entry.drained = drain;
    const done = drained.then(() => this.closeOne(entry)).finally(() => this.closing.delete(done));
    this.closing.add(done);
    if (entry.inFlight === 0) drain();
  }

  private async closeOne(entry: Entry): Promise<void> {
    const sender = await entry.opening.catch(() => undefined);
    try {
      await sender?.close();
    } catch (error) {
      this.options.onCloseError?.(error, entry.key);
    }
  }

  /** A scan is enough: it happens only above the limit, when a sender is opened. */
  private makeRoom(): void {
    if (this.entries.size <= this.maxOpen) return;
    let oldest: Entry | undefined;
    for (const entry of this.entries.values()) {
      if (entry.inFlight === 0 && (oldest === undefined || entry.lastUsed < oldest.lastUsed)) oldest = entry;
    }
    if (oldest !== undefined) this.retire(oldest);
  }

  private startTimer(): void {
    this.timer ??= setInterval(() => this.closeIdle(), Math.max(1000, this.idleMs / 5)).unref();
  }

  private stopTimer(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

const nameOf = ({ tenantId, destination }: SenderKey): string => `${tenantId}\n${destination}`;
