import { type BatchReceipt } from '../intake/accept-batch';
import { type EventRow } from '../tracking/events';
import { type BatchStatus, type JobStatus, type LogRow } from '../tracking/tracking';
import { type AttemptRow, type JobRow } from '../tracking/rows';

export const batchReceiptView = (receipt: BatchReceipt) => ({
  batch_id: receipt.batchId,
  total_distributions: receipt.total,
  accepted_distributions: receipt.distributionIds.length,
  distribution_ids: receipt.distributionIds,
  rejected: receipt.rejected,
  status: 'accepted',
  tracking_url: `/api/v1/distribution/batch/${receipt.batchId}/status`,
});

export const statusView = (
  { job, destinations, metrics, progress_percentage, errors, madeBy }: JobStatus,
  rateLimitRemaining: number,
) => ({
  ...jobView(job),
  progress_percentage,
  destinations,
  metrics,
  errors,
  warnings: warningsOf(destinations),
  metadata: {
    ...job.metadata,
    ...madeBy,
    idempotency_key: job.idempotency_key,
    correlation_id: job.correlation_id,
    rate_limit_remaining: rateLimitRemaining,
  },
});

export const jobView = (job: JobRow) => ({
  distribution_id: job.distribution_id,
  tenant_id: job.tenant_id,
  status: job.status,
  outcome: job.plan.outcome,
  reasons: job.plan.reasons,
  rules_version: job.plan.rules_version ?? null,
  priority: job.priority,
  data_type: job.data_type,
  batch_id: job.batch_id,
  submitted_at: job.created_at,
  started_at: job.started_at,
  completed_at: job.completed_at,
  deliver_at: job.deliver_at,
  expires_at: job.expires_at,
  cancel_requested_at: job.cancel_requested_at,
  destinations_count: job.destinations.length,
  callback_registered: job.callback_url !== null,
  error_code: job.error_code,
  error_message: job.error_message,
});

const SLOW_MS = 5000;

const warningsOf = (destinations: JobStatus['destinations']) =>
  destinations.flatMap(({ name, response_time_ms }) =>
    response_time_ms !== null && response_time_ms > SLOW_MS
      ? [
          {
            code: 'SLOW_DESTINATION',
            message: `${name} took ${response_time_ms} ms to answer`,
            destination: name,
            threshold_ms: SLOW_MS,
            actual_ms: response_time_ms,
            severity: 'warning',
          },
        ]
      : [],
  );

export const attemptsView = (distributionId: string, attempts: AttemptRow[], logs: LogRow[]) => ({
  distribution_id: distributionId,
  attempts: attempts.map((attempt) => ({
    attempt_id: attempt.id,
    delivery_id: attempt.delivery_id,
    destination: attempt.destination_name,
    attempt_number: attempt.attempt_number,
    status: attempt.status,
    started_at: attempt.started_at,
    completed_at: attempt.completed_at,
    response_time_ms:
      attempt.started_at === null || attempt.completed_at === null
        ? null
        : attempt.completed_at.getTime() - attempt.started_at.getTime(),
    request: attempt.metadata,
    response: { status: attempt.response_status_code, body: attempt.response_body },
    error_code: attempt.error_code,
    error_message: attempt.error_message,
    retry_reason: attempt.retry_reason,
    next_attempt_at: attempt.next_attempt_at,
    log: logs
      .filter(({ attempt_id }) => attempt_id === attempt.id)
      .map(({ level, message, created_at }) => ({ level, message, timestamp: created_at })),
  })),
});

export const eventsView = (distributionId: string, events: EventRow[]) => ({
  distribution_id: distributionId,
  events: events.map(({ occurred_at, ...event }) => ({ ...event, timestamp: occurred_at })),
});

export const batchStatusView = ({ batch, jobs }: BatchStatus) => {
  const done = batch.accepted_distributions - batch.open_distributions;
  const failed = batch.failed_distributions;
  const cancelled = batch.cancelled_distributions;
  return {
    batch_id: batch.id,
    tenant_id: batch.tenant_id,
    status: batch.status,
    total_distributions: batch.total_distributions,
    accepted_distributions: batch.accepted_distributions,
    rejected_distributions: batch.total_distributions - batch.accepted_distributions,
    open_distributions: batch.open_distributions,
    completed_distributions: done - failed - cancelled,
    failed_distributions: failed,
    cancelled_distributions: cancelled,
    progress_percentage:
      batch.accepted_distributions === 0 ? 100 : Math.round((100 * done) / batch.accepted_distributions),
    submitted_at: batch.created_at,
    completed_at: batch.completed_at,
    callback_registered: batch.callback_url !== null,
    distributions: jobs,
  };
};
