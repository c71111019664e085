import { type Outcome } from '../port';
import { untilAllEnded, untilEnded } from '../ended-by';
import { type Job } from './job';

export type TableJob = Extract<Job, { kind: 'table' }>;

/** Larger jobs go alone: a group is for the cost of many small commits. */
const MOST_BYTES = 256 * 1024;
const MOST_TOGETHER = 64;

export interface Entry {
  job: TableJob;
  bytes: number;
  signal: AbortSignal;
  /** Called once a session is there and the rows may leave. */
  started: () => void;
}

interface Member extends Entry {
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
}

interface Queue {
  waiting: Member[];
  writing: number;
}

export interface GroupWork {
  /** Groups under way at the same time for one kind of row. */
  sideBySide: number;
  /** Rows of so many columns that one statement takes. */
  mostRows(columns: number): number;
  /** All rows in one transaction: rejects when a row of an insert is there already, and then nothing is written. */
  together(entry: Omit<Entry, 'bytes'>): Promise<void>;
  alone(entry: Omit<Entry, 'bytes'>): Promise<Outcome>;
  written(job: TableJob): Outcome;
  /** Whether a failure of the group is one of its rows' doing, so that each delivery is tried by itself. */
  isOfOneRow(error: unknown): boolean;
}

/**
 * Rows of several deliveries that go into one statement and one commit: what comes while others are being written
 * goes together next; a lone delivery does not wait for company. Where a group fails because of a row, each of
 * its deliveries is written by itself and has its own outcome. A signal ends its own delivery alone.
 */
export class Groups {
  private readonly queues = new Map<string, Queue>();

  constructor(private readonly work: GroupWork) {}

  /** Whether a job may go with others. The same rows twice in a group are told apart by the database only alone. */
  takes(job: Job, bytes: number): job is TableJob {
    if (job.kind !== 'table' || bytes > MOST_BYTES) return false;
    const suits = job.mode === 'insert' || job.mode === 'upsert';
    return suits && job.values.length <= this.work.mostRows(job.shape.columns.length) / 2;
  }

  /** Rejects as the writing does, or with the end of the signal. */
  submit(entry: Entry): Promise<Outcome> {
    const { job, signal } = entry;
    const settled = new Promise<Outcome>((resolve, reject) => {
      const key = JSON.stringify([job.mode, job.shape.table, job.shape.columns]);
      const queue = this.queueOf(key);
      queue.waiting.push({ ...entry, resolve, reject });
      // All that arrives in this turn of the event loop comes along.
      if (queue.writing < this.work.sideBySide && queue.waiting.length === 1) {
        setImmediate(() => void this.drain(key, queue));
      }
    });
    return untilEnded(settled, signal);
  }

  private queueOf(key: string): Queue {
    let queue = this.queues.get(key);
    if (queue === undefined) this.queues.set(key, (queue = { waiting: [], writing: 0 }));
    return queue;
  }

  private async drain(key: string, queue: Queue): Promise<void> {
    if (queue.writing >= this.work.sideBySide) return;
    queue.writing++;
    while (queue.waiting.length > 0) {
      const group = this.next(queue);
      // There may be room for another group beside this one.
      if (queue.waiting.length > 0) setImmediate(() => void this.drain(key, queue));
      await this.write(group);
    }
    queue.writing--;
    if (queue.writing === 0 && queue.waiting.length === 0) this.queues.delete(key);
  }

  /**
   * The next group, in the order of coming: a power of two, so that there are few different statements for
   * a server to prepare, within the limits, and no row twice.
   */
  private next(queue: Queue): Member[] {
    queue.waiting = queue.waiting.filter(({ signal }) => !signal.aborted);
    const keys = new Set<string>();
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const { job, bytes: more } of queue.waiting.slice(0, MOST_TOGETHER)) {
      rows += job.values.length;
      bytes += more;
      if (count > 0 && (rows > this.work.mostRows(job.shape.columns.length) || bytes > MOST_BYTES)) break;
      if (!addKeys(keys, job)) break;
      count++;
    }
    return queue.waiting.splice(0, count === 0 ? 0 : 2 ** Math.floor(Math.log2(count)));
  }

  private async write(group: Member[]): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    if (group.length === 1) return this.writeAlone(first);
    const values = group.flatMap(({ job }) => job.values);
    const signal = untilAllEnded(group.map((member) => member.signal));
    const started = (): void => group.forEach((member) => member.started());
    try {
      await this.work.together({ job: { ...first.job, values }, signal, started });
      for (const { job, resolve } of group) resolve(this.work.written(job));
    } catch (error) {
      if (this.work.isOfOneRow(error)) await Promise.all(group.map((member) => this.writeAlone(member)));
      else for (const { reject } of group) reject(error);
    }
  }

  private async writeAlone(member: Member): Promise<void> {
    await this.work.alone(member).then(member.resolve, member.reject);
  }
}

/** False when one of the job's rows is among them already. Without keys every row is new. */
function addKeys(keys: Set<string>, { shape, values }: TableJob): boolean {
  if (shape.keys.length === 0) return true;
  const at = shape.keys.map((key) => shape.columns.indexOf(key));
  const own = values.map((row) => JSON.stringify(at.map((index) => row[index])));
  if (own.some((key) => keys.has(key))) return false;
  for (const key of own) keys.add(key);
  return true;
}
