import { type SystemTransaction, type SystemTx } from '../database/system-transaction';

/** Something to be done again and again, by one process at a time, whichever comes first. */
export interface Duty {
  name: string;
  everySeconds: number;
  run(tx: SystemTx): Promise<void>;
}

const TRY_LOCK = {
  name: 'try_duty_lock',
  text: `SELECT pg_try_advisory_xact_lock(hashtext('duty'), hashtext($1)) AS won`,
};

/**
 * Runs the duties of a scheduler process. Several schedulers may run: a lock that lasts as long as the duty's
 * transaction lets one of them through, and a crash frees it.
 */
export class Upkeep {
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly system: SystemTransaction,
    private readonly duties: readonly Duty[],
    private readonly onFault: (error: unknown, duty: string) => void,
  ) {}

  start(): void {
    for (const duty of this.duties) {
      this.timers.push(setInterval(() => this.begin(duty), duty.everySeconds * 1000));
      this.begin(duty);
    }
  }

  async stop(): Promise<void> {
    this.timers.forEach(clearInterval);
    await Promise.all(this.running);
  }

  private begin(duty: Duty): void {
    const done = this.runOnce(duty)
      .catch((error: unknown) => this.onFault(error, duty.name))
      .finally(() => this.running.delete(done));
    this.running.add(done);
  }

  private runOnce(duty: Duty): Promise<void> {
    return this.system.run(async (tx) => {
      const [lock] = await tx.query<{ won: boolean }>(TRY_LOCK, [duty.name]);
      if (lock?.won === true) await duty.run(tx);
    });
  }
}
