import { type SystemTransaction, type SystemTx } from '../database/system-transaction';

/** Something to be done again and again, by one process at a time, whichever comes first. */
export interface Duty {
  name: string;
  everySeconds: number;
  run(tx: SystemTx): Promise<void>;
}

/** The server ends the transaction of a process that was stopped, or cut off, in the middle of a duty. */
const TRY_LOCK = {
  name: 'try_duty_lock',
  text: `
    SELECT pg_try_advisory_xact_lock(hashtext('duty'), hashtext($1)) AS won,
      set_config('idle_in_transaction_session_timeout', '8s', true)`,
};

/**
 * Runs the duties of a scheduler process. Several schedulers may run: a lock that lasts as long as the duty's
 * transaction lets one of them through. A crash frees it at once, a process that stalls loses it after 8 s.
 */
export class Upkeep {
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly running = new Set<Promise<void>>();
  /** Duties that somebody asked for, and the end of that run. */
  private readonly asked = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private stopped = false;

  constructor(
    private readonly system: SystemTransaction,
    private readonly duties: readonly Duty[],
    private readonly onFault: (error: unknown, duty: string) => void,
  ) {}

  start(): void {
    for (const duty of this.duties) {
      this.timers.push(setInterval(() => void this.begin(duty), duty.everySeconds * 1000));
      void this.begin(duty);
    }
  }

  /** A hint that there is something to do: the duty runs now, or once more where such a run is under way. */
  ask(name: string): void {
    const duty = this.duties.find((one) => one.name === name);
    if (duty === undefined || this.stopped || this.timers.length === 0) return;
    if (this.asked.has(name)) {
      this.again.add(name);
      return;
    }
    const done = this.begin(duty).finally(() => {
      this.asked.delete(name);
      if (this.again.delete(name)) this.ask(name);
    });
    this.asked.set(name, done);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timers.forEach(clearInterval);
    await Promise.all(this.running);
  }

  private begin(duty: Duty): Promise<void> {
    const done = this.runOnce(duty)
      .catch((error: unknown) => this.onFault(error, duty.name))
      .finally(() => this.running.delete(done));
    this.running.add(done);
    return done;
  }

  private runOnce(duty: Duty): Promise<void> {
    return this.system.run(async (tx) => {
      const [lock] = await tx.query<{ won: boolean }>(TRY_LOCK, [duty.name]);
      if (lock?.won === true) await duty.run(tx);
    });
  }
}
