import { z } from 'zod';
import { PRIORITIES } from '../kernel/priority';
import { RULE_TYPES } from '../rules/actions';

export const time = z.string().meta({ format: 'date-time' });
export const uuid = z.string().meta({ format: 'uuid' });
export const object = z.record(z.string(), z.unknown());
export const priority = z.enum(PRIORITIES);
export const count = z.int().min(0);
const ms = count.nullable().describe('Milliseconds.');
const jobStatus = z.enum(['pending', 'processing', 'completed', 'failed', 'cancelled']);
const attemptStatus = z.enum(['pending', 'processing', 'success', 'failed', 'retry', 'cancelled']);

const Issue = z
  .object({ field: z.string(), issue: z.string() })
  .describe('Where the fault lies and what to do about it.');

export const Reason = z
  .object({
    rule_id: uuid,
    rule: z.string(),
    rule_type: z.enum(RULE_TYPES),
    version: z.int().describe('Of the rule.'),
    effect: z.enum([
      'dropped',
      'excluded',
      'prioritized',
      'added',
      'fallback',
      'skipped',
      'removed',
      'stopped',
      'transformed',
      'failed',
      'no_effect',
    ]),
    destination: z.string().optional(),
    message: z.string(),
  })
  .describe('Why an element of a plan is what it is.');

const Receipt = z.object({
  distribution_id: z.string(),
  status: z.literal('accepted'),
  estimated_completion: time,
  destinations_count: count,
  tracking_url: z.string(),
  callback_registered: z.boolean(),
  idempotent_replay: z.literal(true).optional().describe('The same request was accepted before.'),
});

const BatchReceipt = z.object({
  batch_id: uuid,
  total_distributions: count,
  accepted_distributions: count,
  distribution_ids: z.array(z.string()),
  rejected: z.array(
    z.object({
      index: count.describe('In the batch, from 0.'),
      error: z.enum(['VALIDATION_ERROR', 'CONFLICT', 'AUTHORIZATION_FAILED']),
      details: z.array(Issue),
    }),
  ),
  status: z.literal('accepted'),
  tracking_url: z.string(),
  idempotent_replay: z.literal(true).optional().describe('The same batch was accepted before.'),
});

const Job = z.object({
  distribution_id: z.string(),
  tenant_id: z.string(),
  status: jobStatus,
  outcome: z.enum(['deliver', 'no_match', 'filtered']),
  reasons: z.array(Reason),
  rules_version: z.string().nullable(),
  priority,
  data_type: z.string(),
  batch_id: uuid.nullable(),
  submitted_at: time,
  started_at: time.nullable(),
  completed_at: time.nullable(),
  deliver_at: time.nullable(),
  expires_at: time.nullable(),
  cancel_requested_at: time.nullable(),
  destinations_count: count,
  callback_registered: z.boolean(),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
});

const JobPage = z.object({
  distributions: z.array(Job),
  limit: count,
  offset: count,
  next_cursor: z.string().nullable().describe('Of the next page; null on the last one.'),
});

const DestinationStatus = z.object({
  name: z.string(),
  protocol: z.string(),
  status: z.enum(['pending', 'processing', 'retrying', 'success', 'failed', 'cancelled']),
  attempts: count,
  started_at: time.nullable(),
  completed_at: time.nullable(),
  response_time_ms: ms,
  response_status: z.int().nullable(),
  response_body: z.string().nullable(),
  error_message: z.string().nullable(),
  error_code: z.string().nullable(),
  next_attempt_at: time.nullable(),
  retry_history: z.array(
    z.object({
      attempt: z.int(),
      timestamp: time.nullable(),
      error: z.string().nullable(),
      backoff_delay_seconds: z.number().nullable(),
    }),
  ),
});

const JobMetrics = z.object({
  total_latency_ms: ms,
  average_response_time_ms: ms,
  success_rate: z.number().min(0).max(1),
  retry_count: count,
  total_attempts: count,
  successful_attempts: count,
  failed_attempts: count,
  data_transferred_bytes: count,
});

const JobStatus = z.object({
  ...Job.shape,
  progress_percentage: z.int().min(0).max(100),
  destinations: z.array(DestinationStatus),
  metrics: JobMetrics,
  errors: z.array(z.object({ code: z.string(), message: z.string(), destination: z.string() })),
  warnings: z.array(
    z.object({
      code: z.string(),
      message: z.string(),
      destination: z.string(),
      threshold_ms: count,
      actual_ms: count,
      severity: z.string(),
    }),
  ),
  metadata: z
    .looseObject({
      processing_node: z.string().nullable(),
      worker_version: z.string().nullable(),
      idempotency_key: z.string().nullable(),
      correlation_id: z.string(),
      rate_limit_remaining: count,
    })
    .describe('The submitted metadata, and what the service adds.'),
});

export const Attempt = z.object({
  attempt_id: uuid,
  delivery_id: uuid.describe('The same for every attempt of one destination.'),
  destination: z.string(),
  attempt_number: z.int(),
  status: attemptStatus,
  started_at: time.nullable(),
  completed_at: time.nullable(),
  response_time_ms: ms,
  request: object,
  response: z.object({ status: z.int().nullable(), body: z.string().nullable() }),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
  retry_reason: z.string().nullable(),
  next_attempt_at: time.nullable(),
  log: z.array(z.object({ level: z.string(), message: z.string(), timestamp: time })),
});

const Attempts = z.object({ distribution_id: z.string(), attempts: z.array(Attempt) });

const Events = z.object({
  distribution_id: z.string(),
  events: z.array(
    z.object({
      from_status: z.string().nullable(),
      to_status: z.string(),
      actor: z.string(),
      reason: z.string(),
      timestamp: time,
    }),
  ),
});

const BatchStatus = z.object({
  batch_id: uuid,
  tenant_id: z.string(),
  status: z.enum(['processing', 'completed']),
  total_distributions: count,
  accepted_distributions: count,
  rejected_distributions: count,
  open_distributions: count,
  completed_distributions: count,
  failed_distributions: count,
  cancelled_distributions: count,
  progress_percentage: z.int().min(0).max(100),
  submitted_at: time,
  completed_at: time.nullable(),
  callback_registered: z.boolean(),
  distributions: z.array(z.object({ distribution_id: z.string(), status: jobStatus })),
});

const Cancellation = z.object({
  distribution_id: z.string(),
  status: jobStatus,
  cancelled_destinations: count,
  in_flight_destinations: count.describe('Let finish, and not repeated.'),
});

const Replay = z.object({
  distribution_id: z.string(),
  status: jobStatus,
  replayed_destinations: count,
  destinations: z.array(
    z.object({
      name: z.string(),
      delivery_id: uuid,
      outcome: z.enum([
        'replayed',
        'superseded',
        'in_flight',
        'waiting',
        'succeeded',
        'discarded',
        'not_dead',
      ]),
    }),
  ),
});

const BulkOperation = z.object({
  operation_id: uuid,
  kind: z.enum(['replay', 'redrive', 'discard']),
  status: z.enum(['running', 'completed', 'cancelled']),
  selection: object,
  reason: z.string().nullable(),
  rate_per_second: z.int(),
  examined: count,
  done: count,
  skipped: count,
  created_by: z.string(),
  created_at: time,
  completed_at: time.nullable(),
});

const DryRun = z.object({
  dry_run: z.literal(true),
  matched: count,
  capped: z.boolean().describe('There may be more than were counted.'),
});

const JobCallback = z.object({
  event_type: z.enum([
    'distribution.completed',
    'distribution.failed',
    'distribution.cancelled',
    'attempt.succeeded',
    'attempt.failed',
  ]),
  distribution_id: z.string(),
  tenant_id: z.string(),
  status: jobStatus,
  completed_at: time.nullable(),
  attempt: z
    .object({ destination: z.string(), attempt_number: z.int() })
    .optional()
    .describe('Of an event of an attempt.'),
  destinations: z.array(
    DestinationStatus.pick({
      name: true,
      status: true,
      attempts: true,
      response_time_ms: true,
      error_code: true,
    }),
  ),
  metrics: JobMetrics,
});

const BatchCallback = z.object({
  event_type: z.literal('batch.completed'),
  batch_id: uuid,
  tenant_id: z.string(),
  status: z.enum(['processing', 'completed']),
  completed_at: time.nullable(),
  summary: z.object({
    total_distributions: count,
    completed_distributions: count,
    failed_distributions: count,
    cancelled_distributions: count,
    success_rate: z.number().min(0).max(1),
  }),
});

export const ANSWERS = {
  Issue,
  Reason,
  Receipt,
  BatchReceipt,
  Job,
  JobPage,
  DestinationStatus,
  JobMetrics,
  JobStatus,
  Attempts,
  Events,
  BatchStatus,
  Cancellation,
  Replay,
  BulkOperation,
  DryRun,
  JobCallback,
  BatchCallback,
};
