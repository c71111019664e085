import { type JobRow } from './rows';

export type EventRow = {
  from_status: string | null;
  to_status: string;
  actor: string;
  reason: string;
  occurred_at: Date;
};

const WORKER = 'worker';

/**
 * A job's transitions in order. Acceptance, start and completion are times of the job's own row; what somebody or
 * something made of it otherwise (failure, cancellation, replay) is stored with actor and reason.
 */
export function eventsOf(job: JobRow, stored: readonly EventRow[]): EventRow[] {
  const { created_at, started_at, completed_at } = job;
  const events: EventRow[] = [
    {
      from_status: null,
      to_status: 'pending',
      actor: job.submitted_by,
      reason: 'accepted',
      occurred_at: created_at,
    },
  ];
  const delivered = job.plan.outcome === 'deliver';
  if (started_at !== null && delivered) {
    const reason = 'first attempt';
    events.push({
      from_status: 'pending',
      to_status: 'processing',
      actor: WORKER,
      reason,
      occurred_at: started_at,
    });
  }
  if (completed_at !== null && job.status === 'completed') {
    events.push({
      from_status: delivered ? 'processing' : 'pending',
      to_status: 'completed',
      actor: delivered ? WORKER : job.submitted_by,
      reason: delivered ? 'every destination succeeded' : job.plan.outcome,
      occurred_at: completed_at,
    });
  }
  return [...events, ...stored].sort((one, other) => one.occurred_at.getTime() - other.occurred_at.getTime());
}
