import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { ownDeadline, READY, type Reply } from './protocol';

export interface ProcessLimits {
  /** Computing time of one request. */
  deadlineMs: number;
  memoryMb: number;
}

/** Why a process ended in the middle of a request. `lost`: from outside, the request may be as good as any. */
export type Death = 'deadline' | 'memory' | 'crash' | 'lost';

export interface Job {
  readonly line: string;
  settle(reply: Reply): void;
}

const START_MS = 20_000;
/** A machine that is busy elsewhere gives a request this many times its computing time on the wall clock. */
const PATIENCE = 8;
/** The same for one with low priority, which a busy machine gives less. */
const PATIENCE_WHEN_LOW = 16;

/** One child process. It is killed from outside; nothing it could do would keep it alive. */
export class SandboxProcess {
  readonly ready: Promise<boolean>;
  readonly exited: Promise<void>;
  private readonly child: ChildProcess;
  private jobs: Job[] = [];
  private finished: ((death: Death | undefined) => void) | undefined;
  private chunks: string[] = [];
  private answered = 0;
  private killedFor: Death | undefined;
  private becameReady: (ready: boolean) => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  private alive = true;
  private low = false;

  constructor(private readonly limits: ProcessLimits) {
    this.ready = new Promise((resolve) => (this.becameReady = resolve));
    this.child = spawn(process.execPath, childArguments(limits), {
      // Nothing of the service's environment, which holds its secrets.
      env: {},
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.exited = new Promise((resolve) => {
      this.child.once('error', () => this.ended(null, resolve));
      this.child.once('close', (_code, signal) => this.ended(signal, resolve));
    });
    this.child.stdin?.on('error', () => undefined);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.received(text));
    this.timer = setTimeout(() => this.kill('lost'), START_MS);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get isAlive(): boolean {
    return this.alive;
  }

  get isLow(): boolean {
    return this.low;
  }

  /** From now on it gets what others leave of the processor. The system does not let it rise again. */
  lower(): void {
    if (this.low || this.pid === undefined) return;
    this.low = true;
    try {
      setPriority(this.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It has ended, or the system has no priorities: then it is as before.
    }
  }

  /** Sends all at once; resolves when all are settled, or with the reason why those that are left are not. */
  run(jobs: readonly Job[]): Promise<{ death: Death | undefined; left: Job[] }> {
    this.jobs = [...jobs];
    return new Promise((resolve) => {
      this.finished = (death) => {
        this.finished = undefined;
        clearTimeout(this.timer);
        resolve({ death, left: this.jobs });
      };
      if (!this.alive) return this.finished('lost');
      this.watch();
      this.child.stdin?.write(jobs.map(({ line }) => line).join(''));
    });
  }

  kill(reason: Death): void {
    if (!this.alive) return;
    this.killedFor ??= reason;
    this.child.kill('SIGKILL');
  }

  private received(text: string): void {
    const lines = text.split('\n');
    for (const line of lines.slice(0, -1)) {
      const whole = this.chunks.join('') + line;
      this.chunks = [];
      if (whole === READY) this.started();
      else this.settleFirst(whole);
    }
    const rest = lines.at(-1);
    if (rest) this.chunks.push(rest);
  }

  private started(): void {
    clearTimeout(this.timer);
    this.becameReady(true);
  }

  private settleFirst(line: string): void {
    const job = this.jobs.shift();
    this.answered++;
    job?.settle(JSON.parse(line) as Reply);
    if (this.jobs.length === 0) this.finished?.(undefined);
    else this.watch();
  }

  /**
   * From now on the first request has its time. The clock is the process's own computing time where the system
   * tells it: a request must not fail because the machine was busy elsewhere.
   */
  private watch(): void {
    clearTimeout(this.timer);
    const { deadlineMs } = this.limits;
    const before = this.answered;
    const computed = cpuMs(this.pid);
    const patience = performance.now() + deadlineMs * (this.low ? PATIENCE_WHEN_LOW : PATIENCE);
    const look = (): void => {
      const spent = cpuMs(this.pid) - computed;
      const over = Number.isNaN(spent) || spent >= deadlineMs || performance.now() >= patience;
      if (over) this.kill('deadline');
      else this.timer = setTimeout(later, Math.max(10, deadlineMs - spent));
    };
    // Answers that arrived while this process was busy itself are read first.
    const later = (): void => void setImmediate(() => this.answered === before && this.finished && look());
    this.timer = setTimeout(later, deadlineMs);
  }

  private ended(signal: NodeJS.Signals | null, resolve: () => void): void {
    if (!this.alive) return;
    this.alive = false;
    clearTimeout(this.timer);
    this.becameReady(false);
    this.finished?.(this.killedFor ?? deathBy(signal));
    resolve();
  }
}

/** V8 without memory aborts; who kills from outside uses another signal. */
function deathBy(signal: NodeJS.Signals | null): Death {
  if (signal === 'SIGABRT' || signal === 'SIGTRAP' || signal === 'SIGILL') return 'memory';
  return signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT' ? 'lost' : 'crash';
}

/** Of all threads of a process, user and system, in steps of 10 ms; NaN where the system does not tell (Linux does). */
function cpuMs(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return Number.NaN;
  }
}

/** The compiled child, or its source where this file runs from source, in tests. */
function childArguments({ deadlineMs, memoryMb }: ProcessLimits): string[] {
  const source = basename(__filename).endsWith('.ts');
  const loader = source ? ['-r', require.resolve('@swc-node/register')] : [];
  const entry = join(__dirname, source ? 'child.ts' : 'child.js');
  const memory = [`--max-old-space-size=${memoryMb}`, '--max-semi-space-size=4'];
  return [...memory, ...loader, entry, String(ownDeadline(deadlineMs))];
}
