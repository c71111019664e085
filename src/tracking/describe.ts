import { type Json } from '../kernel/json';
import { type AttemptRow, type JobRow } from './rows';

export type DestinationStatusView = {
  name: string;
  protocol: string;
  status: 'pending' | 'processing' | 'retrying' | 'success' | 'failed' | 'cancelled';
  attempts: number;
  started_at: Date | null;
  completed_at: Date | null;
  response_time_ms: number | null;
  response_status: number | null;
  response_body: string | null;
  error_message: string | null;
  error_code: string | null;
  next_attempt_at: Date | null;
  retry_history: RetryView[];
};

interface RetryView {
  attempt: number;
  timestamp: Date | null;
  error: string | null;
  backoff_delay_seconds: number | null;
}

export interface JobMetrics {
  total_latency_ms: number | null;
  average_response_time_ms: number | null;
  success_rate: number;
  retry_count: number;
  total_attempts: number;
  successful_attempts: number;
  failed_attempts: number;
  data_transferred_bytes: number;
}

/** Everything of a job that is made of its attempts, so that all its counters agree: they count the same rows. */
export interface JobDescription {
  destinations: DestinationStatusView[];
  metrics: JobMetrics;
  progress_percentage: number;
  errors: { code: string; message: string; destination: string }[];
  /** Who made the latest attempt. */
  madeBy: { processing_node: Json; worker_version: Json };
}

export function describeJob(job: JobRow, attempts: readonly AttemptRow[]): JobDescription {
  const destinations = job.destinations.map(({ name, protocol }) =>
    describeDestination(
      name,
      protocol,
      attempts.filter(({ destination_name }) => destination_name === name),
    ),
  );
  const settled = destinations.filter(({ status }) => isSettled(status)).length;
  const latest = attempts.filter(wasMade).reduce<AttemptRow | undefined>(later, undefined);
  return {
    destinations,
    madeBy: {
      processing_node: latest?.metadata['processing_node'] ?? null,
      worker_version: latest?.metadata['worker_version'] ?? null,
    },
    metrics: metricsOf(job, attempts),
    progress_percentage: destinations.length === 0 ? 100 : Math.round((100 * settled) / destinations.length),
    errors: destinations.flatMap(({ name, status, error_code, error_message }) =>
      status === 'failed'
        ? [{ code: error_code ?? 'UNKNOWN', message: error_message ?? '', destination: name }]
        : [],
    ),
  };
}

const later = (one: AttemptRow | undefined, other: AttemptRow): AttemptRow =>
  (one?.started_at?.getTime() ?? 0) > (other.started_at?.getTime() ?? 0) && one !== undefined ? one : other;

const isSettled = (status: DestinationStatusView['status']): boolean =>
  status === 'success' || status === 'failed' || status === 'cancelled';

/** Attempts of one destination, the first one first. Planned ones count only as the state, not as attempts. */
function describeDestination(
  name: string,
  protocol: string,
  attempts: readonly AttemptRow[],
): DestinationStatusView {
  const latest = attempts.at(-1);
  const made = attempts.filter(wasMade);
  const last = made.at(-1);
  const status = statusOf(latest, made.length);
  return {
    name,
    protocol,
    status,
    attempts: made.length,
    started_at: made[0]?.started_at ?? null,
    completed_at: isSettled(status) ? (latest?.completed_at ?? null) : null,
    response_time_ms: last === undefined ? null : elapsedMs(last.started_at, last.completed_at),
    response_status: last?.response_status_code ?? null,
    response_body: last?.response_body ?? null,
    error_message: latest?.error_message ?? last?.error_message ?? null,
    error_code: latest?.error_code ?? last?.error_code ?? null,
    next_attempt_at: isSettled(status) ? null : (latest?.next_attempt_at ?? last?.next_attempt_at ?? null),
    retry_history: made.filter(({ status }) => status === 'retry').map(retryOf),
  };
}

const wasMade = ({ started_at }: AttemptRow): boolean => started_at !== null;

function statusOf(latest: AttemptRow | undefined, made: number): DestinationStatusView['status'] {
  if (latest === undefined) return 'pending';
  if (latest.status === 'retry') return 'retrying';
  if (latest.status === 'pending' && made > 0) return 'retrying';
  return latest.status;
}

const retryOf = (attempt: AttemptRow): RetryView => ({
  attempt: attempt.attempt_number,
  timestamp: attempt.completed_at,
  error: attempt.error_message,
  backoff_delay_seconds: secondsBetween(attempt.completed_at, attempt.next_attempt_at),
});

function metricsOf(job: JobRow, attempts: readonly AttemptRow[]): JobMetrics {
  const made = attempts.filter(wasMade);
  const successful = made.filter(({ status }) => status === 'success').length;
  const times = made.flatMap(({ started_at, completed_at }) => elapsedMs(started_at, completed_at) ?? []);
  const bytes = made.map(({ metadata }) =>
    typeof metadata['bytes_sent'] === 'number' ? metadata['bytes_sent'] : 0,
  );
  return {
    total_latency_ms: elapsedMs(job.created_at, job.completed_at),
    average_response_time_ms: times.length === 0 ? null : Math.round(sum(times) / times.length),
    success_rate: made.length === 0 ? 0 : successful / made.length,
    retry_count: made.filter(({ status }) => status === 'retry').length,
    total_attempts: made.length,
    successful_attempts: successful,
    failed_attempts: made.length - successful,
    data_transferred_bytes: sum(bytes),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const elapsedMs = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : to.getTime() - from.getTime();

function secondsBetween(from: Date | null, to: Date | null): number | null {
  const ms = elapsedMs(from, to);
  return ms === null ? null : Math.max(0, Math.round(ms) / 1000);
}
