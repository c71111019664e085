import { type Attempt, jobPath, type JobStatus } from './api';
import { type Arrival, type Receiver } from './receivers/receiver';
import { type TenantAccess } from './tenants';

export interface Job {
  number: number;
  tenant: TenantAccess;
  distributionId: string;
  status: JobStatus['status'];
}

/** Something that has happened, in the order in which it did. */
export type Happening =
  | { kind: 'attempt'; at: Date; job: Job; attempt: Attempt; arrival: Arrival | undefined }
  | { kind: 'callback'; at: Date; job: Job; arrival: Arrival }
  | { kind: 'end'; at: Date; job: Job };

/**
 * Follows jobs over the API, as a client would, and puts what their receivers saw beside it. Each attempt and each
 * callback is reported once.
 */
export class Watch {
  private readonly jobs = new Map<string, Job>();
  private readonly reported = new Set<unknown>();

  constructor(
    private readonly receivers: readonly Receiver[],
    private readonly onHappening: (happening: Happening) => void,
  ) {}

  follow(tenant: TenantAccess, distributionId: string): Job {
    const job: Job = { number: this.jobs.size + 1, tenant, distributionId, status: 'pending' };
    this.jobs.set(distributionId, job);
    return job;
  }

  /** Jobs that somebody else has submitted since: by curl, for example. */
  async discover(tenant: TenantAccess, since: Date): Promise<Job[]> {
    const from = encodeURIComponent(since.toISOString());
    const { distributions } = await tenant.api.get<{ distributions: JobStatus[] }>(
      `/distribution/list?from_date=${from}&limit=100`,
    );
    const unknown = distributions.filter(({ distribution_id }) => !this.jobs.has(distribution_id));
    return unknown.reverse().map(({ distribution_id }) => this.follow(tenant, distribution_id));
  }

  /** One look at every job that is not over, and at the callbacks that came. */
  async look(): Promise<void> {
    const open = [...this.jobs.values()].filter(({ status }) => isOpen(status));
    const attempts = await Promise.all(open.map((job) => this.newAttempts(job)));
    const happenings = [...attempts.flat(), ...this.newCallbacks()];
    happenings.sort((one, other) => one.at.getTime() - other.at.getTime());
    happenings.forEach(this.onHappening);
  }

  /** The status is asked first: what is terminal then has all its attempts in the second answer. */
  private async newAttempts(job: Job): Promise<Happening[]> {
    const { api } = job.tenant;
    const { status, completed_at: endedAt } = await api.get<JobStatus>(jobPath(job.distributionId, 'status'));
    const { attempts } = await api.get<{ attempts: Attempt[] }>(jobPath(job.distributionId, 'attempts'));
    job.status = status;
    const made = attempts.flatMap((attempt): Happening[] => {
      const { attempt_id, started_at, completed_at } = attempt;
      if (started_at === null || completed_at === null || !this.isNew(attempt_id)) return [];
      const arrival = this.arrivalOf(attempt);
      return [{ kind: 'attempt', at: new Date(completed_at), job, attempt, arrival }];
    });
    return endedAt === null ? made : [...made, { kind: 'end', at: new Date(endedAt), job }];
  }

  private arrivalOf({ delivery_id, attempt_number }: Attempt): Arrival | undefined {
    return this.receivers
      .flatMap(({ received }) => received)
      .find(({ deliveryId, attempt }) => deliveryId === delivery_id && attempt === attempt_number);
  }

  private newCallbacks(): Happening[] {
    const callbacks = this.receivers.filter(({ name }) => name === 'callback');
    return callbacks.flatMap(({ received }) =>
      received.flatMap((arrival): Happening[] => {
        const job = this.jobs.get(arrival.distributionId);
        if (job === undefined || !this.isNew(arrival)) return [];
        return [{ kind: 'callback', at: arrival.at, job, arrival }];
      }),
    );
  }

  private isNew(thing: unknown): boolean {
    if (this.reported.has(thing)) return false;
    this.reported.add(thing);
    return true;
  }
}

export const isOpen = (status: JobStatus['status']): boolean =>
  status === 'pending' || status === 'processing';
