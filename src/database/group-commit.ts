import { isDataFault } from './faults';
import { pause, idleTimers, type Timers } from '../kernel/clock';
import { type TenantId } from '../kernel/ids';

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

interface Queue<Item, Result> {
  waiting: Waiting<Item, Result>[];
  committing: number;
}

export interface GroupSize {
  /** Items in one commit, at most. */
  mostTogether: number;
  /** Commits of one tenant at the same time, at most. */
  sideBySide: number;
  /** Milliseconds from the beginning of a commit to that of the next one, at least, unless that one is full. */
  paceMs: number;
}

/**
 * What comes for one tenant while a commit is under way goes together into the next one. A lone item does not
 * wait for company; the busier the tenant, the larger its commits: `paceMs` bounds how many there are in a second.
 *
 * `commit` answers in the order of its items. Where a value of the group is at fault, each item is tried alone, so
 * that one poisoned item does not take the others with it.
 */
export class GroupCommit<Item, Result> {
  private readonly queues = new Map<TenantId, Queue<Item, Result>>();

  constructor(
    private readonly size: GroupSize,
    private readonly commit: (tenantId: TenantId, items: Item[]) => Promise<Result[]>,
    private readonly timers: Timers = idleTimers,
  ) {}

  submit(tenantId: TenantId, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const queue = this.queueOf(tenantId);
      queue.waiting.push({ item, resolve, reject });
      // Let all that arrives in this turn of the event loop come along.
      if (queue.committing < this.size.sideBySide && queue.waiting.length === 1) {
        setImmediate(() => void this.drain(tenantId, queue));
      }
    });
  }

  private queueOf(tenantId: TenantId): Queue<Item, Result> {
    let queue = this.queues.get(tenantId);
    if (queue === undefined) {
      queue = { waiting: [], committing: 0 };
      this.queues.set(tenantId, queue);
    }
    return queue;
  }

  private async drain(tenantId: TenantId, queue: Queue<Item, Result>): Promise<void> {
    if (queue.committing >= this.size.sideBySide) return;
    queue.committing++;
    while (queue.waiting.length > 0) {
      const started = this.timers.now();
      await this.commitTogether(tenantId, queue.waiting.splice(0, this.size.mostTogether));
      const early = this.size.paceMs - (this.timers.now() - started);
      if (early > 0 && queue.waiting.length < this.size.mostTogether) await pause(this.timers, early);
    }
    queue.committing--;
    if (queue.committing === 0 && queue.waiting.length === 0) this.queues.delete(tenantId);
  }

  private async commitTogether(tenantId: TenantId, group: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.commit(
        tenantId,
        group.map(({ item }) => item),
      );
      group.forEach(({ resolve }, index) => resolve(results[index] as Result));
    } catch (error) {
      if (group.length > 1 && isDataFault(error)) {
        for (const one of group) await this.commitTogether(tenantId, [one]);
      } else {
        for (const { reject } of group) reject(error);
      }
    }
  }
}
