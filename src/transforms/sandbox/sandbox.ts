import { FairQueue } from './fair-queue';
import { type Death, type Job, type ProcessLimits, SandboxProcess } from './process';
import { type Reply, type Request } from './protocol';

export interface SandboxOptions extends ProcessLimits {
  processes: number;
  /** For the log and the metrics: a process had to be replaced. */
  onDeath?: (death: Death, tenant: string) => void;
}

export const SANDBOX_DEFAULTS: SandboxOptions = { processes: 2, deadlineMs: 250, memoryMb: 96 };

interface Task extends Job {
  reject(error: Error): void;
  /** How often its process was lost for reasons that may not be its own. */
  lost: number;
}

/** Requests in one write; more would wait longer behind a bad one. */
const BATCH = 32;
/** A tenant whose program had to be killed is under suspicion for so long. */
const SUSPICION_MS = 60_000;
const MOST_FAILED_STARTS = 3;

/**
 * Runs tenants' programs in a few child processes, started when needed, replaced when killed. A batch belongs to
 * one tenant, and tenants take turns. A tenant that had to be stopped is under suspicion until it has behaved for a
 * while: it keeps to the first process, which then has low priority and is shared with other suspects only. So nobody
 * else waits for what it computes, nor for the start of a process in the place of one that was killed.
 */
export class Sandbox {
  private readonly queue = new FairQueue<Task>();
  private readonly slots: (SandboxProcess | undefined)[];
  private readonly busy = new Set<number>();
  private readonly suspects = new Map<string, number>();
  private scheduled = false;
  private failedStarts = 0;
  private stopped = false;

  constructor(private readonly options: SandboxOptions = SANDBOX_DEFAULTS) {
    this.slots = new Array<SandboxProcess | undefined>(options.processes).fill(undefined);
  }

  /** Processes that are running, for tests and metrics. */
  get pids(): number[] {
    return this.slots.flatMap((slot) => (slot?.isAlive === true && slot.pid !== undefined ? [slot.pid] : []));
  }

  /** `input` is JSON text. Rejects only when the sandbox itself does not work or stops. */
  ask(tenant: string, request: Request, input: string): Promise<Reply> {
    if (this.stopped) return Promise.reject(new Error('the sandbox has stopped'));
    // A line break in JSON text can only be white space.
    const line = `${JSON.stringify(request).slice(0, -1)},"input":${input.replaceAll('\n', ' ')}}\n`;
    return new Promise((resolve, reject) => {
      this.queue.add(tenant, { line, settle: resolve, reject, lost: 0 });
      this.schedule();
    });
  }

  /** Idempotent. What has not been answered is rejected. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.rejectAll('the sandbox has stopped');
    const running = this.slots.filter((slot) => slot !== undefined);
    for (const slot of running) slot.kill('lost');
    await Promise.all(running.map(({ exited }) => exited));
  }

  /** Once for all that is asked in the same turn of the event loop, so that it travels together. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    this.forgive();
    for (let slot = this.slots.length - 1; slot >= 0 && !this.stopped; slot--) {
      if (this.busy.has(slot)) continue;
      const batch = this.queue.take(BATCH, (tenant) => this.isAllowed(tenant, slot));
      if (batch !== undefined) void this.serve(slot, batch.tenant, batch.items);
    }
  }

  private isAllowed(tenant: string, slot: number): boolean {
    const isApart = this.suspects.size > 0 && this.slots.length > 1;
    return !isApart || this.suspects.has(tenant) === (slot === 0);
  }

  private forgive(): void {
    for (const [tenant, since] of this.suspects) {
      if (performance.now() - since >= SUSPICION_MS) this.suspects.delete(tenant);
    }
  }

  private async serve(slot: number, tenant: string, tasks: Task[]): Promise<void> {
    this.busy.add(slot);
    const running = await this.started(slot, this.suspects.has(tenant));
    if (running === undefined) {
      this.queue.giveBack(tenant, tasks);
      if (this.stopped) this.rejectAll('the sandbox has stopped');
      else if (this.failedStarts >= MOST_FAILED_STARTS)
        this.rejectAll('the sandbox cannot start its processes');
    } else {
      const { death, left } = await running.run(tasks);
      if (death !== undefined) this.died(tenant, death, left as Task[]);
    }
    this.busy.delete(slot);
    if (this.queue.size > 0) this.pump();
  }

  private async started(slot: number, forSuspect: boolean): Promise<SandboxProcess | undefined> {
    const running = this.fit(this.slots[slot], forSuspect);
    this.slots[slot] = running;
    const ready = !this.stopped && (await running.ready);
    // Not before: on a busy machine it would hardly ever become ready.
    if (forSuspect && this.slots.length > 1) running.lower();
    if (this.stopped) running.kill('lost');
    if (ready && !this.stopped) this.failedStarts = 0;
    else this.failedStarts++;
    return ready && !this.stopped ? running : undefined;
  }

  /** One with low priority does not serve others after the suspicion. */
  private fit(known: SandboxProcess | undefined, forSuspect: boolean): SandboxProcess {
    if (known?.isAlive === true && (forSuspect || !known.isLow)) return known;
    known?.kill('lost');
    return new SandboxProcess(this.options);
  }

  /** The first one without an answer was running when its process died; the others did not run and go elsewhere. */
  private died(tenant: string, death: Death, [first, ...others]: Task[]): void {
    if (first === undefined) return;
    this.options.onDeath?.(death, tenant);
    const again = death === 'lost' && first.lost++ === 0;
    if (death !== 'lost') this.suspects.set(tenant, performance.now());
    if (!again) first.settle({ ok: false, message: this.wordsFor(death) });
    this.queue.giveBack(tenant, again ? [first, ...others] : others);
    if (this.stopped) this.rejectAll('the sandbox has stopped');
  }

  private wordsFor(death: Death): string {
    const { deadlineMs, memoryMb } = this.options;
    switch (death) {
      case 'deadline':
        return `the program ran longer than ${deadlineMs} ms and was stopped`;
      case 'memory':
        return `the program needed more than ${memoryMb} MB of memory and was stopped`;
      case 'crash':
      case 'lost':
        return 'the program ended the process that it ran in';
    }
  }

  private rejectAll(reason: string): void {
    this.failedStarts = 0;
    for (const task of this.queue.drain()) task.reject(new Error(reason));
  }
}
