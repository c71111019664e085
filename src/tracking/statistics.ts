import { type ReadTransaction } from '../database/read-transaction';
import { type TenantId } from '../kernel/ids';
import { DEAD_LETTERS, type JobsOfHour, JOBS_BY_HOUR, QUEUE, type QueueState } from './statistics.sql';

const HOUR_MS = 3_600_000;
const STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled'] as const;

/** Jobs that were submitted in one hour, by what has become of them. */
export type HourOfJobs = { hour: Date } & Record<(typeof STATUSES)[number], number>;

export interface TenantSummary {
  queue: QueueState;
  dead_letters: number;
}

/** How things stand with a tenant, for dashboards. */
export class Statistics {
  constructor(private readonly reads: ReadTransaction) {}

  summary(tenantId: TenantId): Promise<TenantSummary> {
    return this.reads.run(tenantId, async (tx) => {
      const [queue] = await tx.query<QueueState>(QUEUE, []);
      const [letters] = await tx.query<{ letters: number }>(DEAD_LETTERS, []);
      if (queue === undefined || letters === undefined) throw new Error('a count without a row');
      return { queue, dead_letters: letters.letters };
    });
  }

  /**
   * Every hour of the last `hours`, the oldest first, those without jobs too. This hour and the one before are counted
   * now; the earlier ones come from the roll-up, which is refreshed once an hour.
   */
  async byHour(tenantId: TenantId, hours: number, now: Date): Promise<HourOfJobs[]> {
    const current = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
    const starts = Array.from({ length: hours }, (_, index) => current - (hours - 1 - index) * HOUR_MS);
    const liveSince = current - HOUR_MS;
    const values = [new Date(starts[0] ?? current), new Date(liveSince), firstIdOf(liveSince)];
    const rows = await this.reads.run(tenantId, (tx) => tx.query<JobsOfHour>(JOBS_BY_HOUR, values));
    return starts.map((start) => {
      const counts = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Omit<HourOfJobs, 'hour'>;
      for (const { hour, status, jobs } of rows) if (hour.getTime() === start) counts[status] += jobs;
      return { hour: new Date(start), ...counts };
    });
  }
}

/** Ids begin with the millisecond at which they were made. */
const firstIdOf = (ms: number): string => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
};
