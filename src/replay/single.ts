import { type TenantTransaction } from '../database/tenant-transaction';
import { about, audit } from '../tenants/audit';
import { type TenantCaller } from '../tenants/scopes';
import { findJob } from '../tracking/rows';
import { isMoved, replayJobs, type ReplayedJob } from './replay';

export interface ReplayRequest {
  /** Undefined = every destination. */
  destinations: readonly string[] | undefined;
  onlyFailed: boolean;
  reason: string | undefined;
}

export type JobReplay = ReplayedJob | { kind: 'unknown' } | { kind: 'not_its_destination'; index: number };

/** Replays one job, by its name. */
export class Replays {
  constructor(
    private readonly tenants: TenantTransaction,
    private readonly wake: () => void,
  ) {}

  async replay(
    caller: TenantCaller,
    distributionId: string,
    { destinations, onlyFailed, reason }: ReplayRequest,
  ): Promise<JobReplay> {
    const replayed = await this.tenants.run(caller.tenantId, async (tx): Promise<JobReplay> => {
      const job = await findJob(tx, distributionId);
      if (job === undefined) return { kind: 'unknown' };
      const index = destinations?.findIndex((name) => !job.destinations.some((own) => own.name === name));
      if (index !== undefined && index >= 0) return { kind: 'not_its_destination', index };
      const wish = { destinations, onlyFailed, withDiscarded: destinations !== undefined };
      const { actor } = caller;
      const answers = await replayJobs(tx, [job.id], {
        actor,
        reason,
        wish: () => wish,
        nextDueAt: () => undefined,
      });
      const answer = answers.get(job.id);
      // The last statement: entries of a tenant wait for each other until the transaction ends.
      if (answer?.kind === 'replayed')
        await audit(tx.manager, {
          ...about(caller, 'distribution', distributionId),
          action: 'replay',
          details: {
            destinations: answer.deliveries.filter(({ choice }) => isMoved(choice)).map(({ name }) => name),
            only_failed: onlyFailed,
            reason: reason ?? null,
          },
        });
      return answer ?? { kind: 'unknown' };
    });
    if (replayed.kind === 'replayed') this.wake();
    return replayed;
  }
}
