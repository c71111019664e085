/* Made of docs/openapi.json by client/generate.ts (npm run openapi): do not edit. Times are RFC 3339. */

export interface Submission {
  $schema?: unknown;
  timestamp?: unknown;
  tenant_id?: string | undefined;
  distribution_id?: string | undefined;
  data_type: string;
  payload: object;
  priority?: 'critical' | 'high' | 'normal' | 'low' | undefined;
  metadata?: object | undefined;
  destinations?: (string | {
    name: string;
    protocol?: string | undefined;
    transform?: string | object | undefined;
    filters?: object | undefined;
    [field: string]: unknown;
  })[] | undefined;
  callback_url?: string | undefined;
  callback?: {
    url: string;
    headers?: Record<string, string> | undefined;
  } | undefined;
  options?: {
    callback_url?: string | undefined;
    callback_events?: ('attempt.succeeded' | 'attempt.failed')[] | undefined;
    timeout_seconds?: number | undefined;
    max_retries?: number | undefined;
    idempotency_key?: string | undefined;
    compression?: 'gzip' | 'none' | undefined;
    encryption_required?: boolean | undefined;
    audit_trail?: boolean | undefined;
    expires_at?: string | undefined;
    ttl_seconds?: number | undefined;
    deliver_at?: string | undefined;
    ordering_key?: string | undefined;
  } | undefined;
}

export interface ReplayRequest {
  destinations?: string[] | undefined;
  only_failed?: boolean | undefined;
  reason?: string | undefined;
}

export interface BulkReplayRequest {
  filter: {
    data_type?: string | undefined;
    priority?: 'critical' | 'high' | 'normal' | 'low' | undefined;
    destination?: string | undefined;
    from_date?: string | undefined;
    to_date?: string | undefined;
    q?: string | undefined;
    batch_id?: string | undefined;
    status?: 'completed' | 'failed' | 'cancelled' | undefined;
  };
  only_failed?: boolean | undefined;
  reason?: string | undefined;
  dry_run?: boolean | undefined;
  rate_per_second?: number | undefined;
}

export interface RedriveRequest {
  ids?: string[] | undefined;
  filter?: {
    destination?: string | undefined;
    data_type?: string | undefined;
    error_code?: string | undefined;
    distribution_id?: string | undefined;
    from_date?: string | undefined;
    to_date?: string | undefined;
  } | undefined;
  reason?: string | undefined;
  dry_run?: boolean | undefined;
  rate_per_second?: number | undefined;
}

export interface DiscardRequest {
  ids?: string[] | undefined;
  filter?: {
    destination?: string | undefined;
    data_type?: string | undefined;
    error_code?: string | undefined;
    distribution_id?: string | undefined;
    from_date?: string | undefined;
    to_date?: string | undefined;
  } | undefined;
  reason: string;
  dry_run?: boolean | undefined;
}

export interface DestinationInput {
  name: string;
  description?: string | null | undefined;
  protocol: string;
  status?: 'active' | 'inactive' | 'maintenance' | 'deprecated' | undefined;
  configuration: object;
  transform_config?: object | undefined;
  health_check?: {
    endpoint?: string | undefined;
    interval_seconds?: number | undefined;
    timeout_seconds?: number | undefined;
  } | undefined;
  tags?: string[] | undefined;
}

export interface DestinationPatch {
  name?: string | undefined;
  description?: string | null | undefined;
  protocol?: string | undefined;
  status?: 'active' | 'inactive' | 'maintenance' | 'deprecated' | undefined;
  configuration?: object | undefined;
  transform_config?: object | undefined;
  health_check?: {
    endpoint?: string | undefined;
    interval_seconds?: number | undefined;
    timeout_seconds?: number | undefined;
  } | undefined;
  tags?: string[] | undefined;
}

export interface DestinationTestRequest {
  send?: boolean | undefined;
  payload?: object | undefined;
  data_type?: string | undefined;
  timeout_seconds?: number | undefined;
}

export interface RuleInput {
  name: string;
  description?: string | null | undefined;
  rule_type: 'filtering' | 'prioritization' | 'routing' | 'transformation';
  conditions?: object | undefined;
  actions: object;
  priority?: number | undefined;
  enabled?: boolean | undefined;
  tenant_id?: string | null | undefined;
}

export interface RulePatch {
  name?: string | undefined;
  description?: string | null | undefined;
  rule_type?: 'filtering' | 'prioritization' | 'routing' | 'transformation' | undefined;
  conditions?: object | undefined;
  actions?: object | undefined;
  priority?: number | undefined;
  enabled?: boolean | undefined;
}

export interface RuleMatchRequest {
  pattern: object;
  event: object;
}

export interface TransformInput {
  name: string;
  engine: 'field_mapping' | 'jsonata' | 'liquid';
  spec: string | object;
  input_format?: 'json' | undefined;
  output_format?: 'json' | 'ndjson' | 'xml' | 'csv' | 'form' | 'text' | 'raw' | undefined;
  output_schema?: object | null | undefined;
}

export interface TransformPatch {
  name?: string | undefined;
  engine?: 'field_mapping' | 'jsonata' | 'liquid' | undefined;
  spec?: string | object | undefined;
  input_format?: 'json' | undefined;
  output_format?: 'json' | 'ndjson' | 'xml' | 'csv' | 'form' | 'text' | 'raw' | undefined;
  output_schema?: object | null | undefined;
}

export interface TransformPreviewRequest {
  transform: string | object;
  input: object;
  format?: 'json' | 'ndjson' | 'xml' | 'csv' | 'form' | 'text' | 'raw' | undefined;
  data_type?: string | undefined;
}

export interface JobQuery {
  tenant_id?: string | undefined;
  status?: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled' | undefined;
  data_type?: string | undefined;
  priority?: 'critical' | 'high' | 'normal' | 'low' | undefined;
  destination?: string | undefined;
  from_date?: string | undefined;
  to_date?: string | undefined;
  q?: string | undefined;
  batch_id?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  offset?: number | undefined;
}

export interface DeadLetterQuery {
  tenant_id?: string | undefined;
  status?: 'dead' | 'redriven' | 'discarded' | undefined;
  destination?: string | undefined;
  data_type?: string | undefined;
  error_code?: string | undefined;
  distribution_id?: string | undefined;
  from_date?: string | undefined;
  to_date?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface AuditQuery {
  actor?: string | undefined;
  action?: string | undefined;
  resource_type?: string | undefined;
  resource_id?: string | undefined;
  from_date?: string | undefined;
  to_date?: string | undefined;
  limit?: number | undefined;
  cursor?: number | undefined;
}

export interface DestinationHealthQuery {
  limit?: number | undefined;
  cursor?: string | undefined;
  hours?: number | undefined;
}

export interface RuleQuery {
  rule_type?: 'filtering' | 'prioritization' | 'routing' | 'transformation' | undefined;
  enabled?: 'true' | 'false' | undefined;
  limit?: number | undefined;
  offset?: number | undefined;
}

/** Where the fault lies and what to do about it. */
export interface Issue {
  field: string;
  issue: string;
}

/** Why an element of a plan is what it is. */
export interface Reason {
  rule_id: string;
  rule: string;
  rule_type: 'filtering' | 'prioritization' | 'routing' | 'transformation';
  /** Of the rule. */
  version: number;
  effect: 'dropped' | 'excluded' | 'prioritized' | 'added' | 'fallback' | 'skipped' | 'removed' | 'stopped' | 'transformed' | 'failed' | 'no_effect';
  destination?: string | undefined;
  message: string;
}

export interface Receipt {
  distribution_id: string;
  status: 'accepted';
  estimated_completion: string;
  destinations_count: number;
  tracking_url: string;
  callback_registered: boolean;
  /** The same request was accepted before. */
  idempotent_replay?: true | undefined;
}

export interface BatchReceipt {
  batch_id: string;
  total_distributions: number;
  accepted_distributions: number;
  distribution_ids: string[];
  rejected: {
    /** In the batch, from 0. */
    index: number;
    error: 'VALIDATION_ERROR' | 'CONFLICT' | 'AUTHORIZATION_FAILED';
    details: Issue[];
  }[];
  status: 'accepted';
  tracking_url: string;
  /** The same batch was accepted before. */
  idempotent_replay?: true | undefined;
}

export interface Job {
  distribution_id: string;
  tenant_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  outcome: 'deliver' | 'no_match' | 'filtered';
  reasons: Reason[];
  rules_version: string | null;
  priority: 'critical' | 'high' | 'normal' | 'low';
  data_type: string;
  batch_id: string | null;
  submitted_at: string;
  started_at: string | null;
  completed_at: string | null;
  deliver_at: string | null;
  expires_at: string | null;
  cancel_requested_at: string | null;
  destinations_count: number;
  callback_registered: boolean;
  error_code: string | null;
  error_message: string | null;
}

export interface JobPage {
  distributions: Job[];
  limit: number;
  offset: number;
  /** Of the next page; null on the last one. */
  next_cursor: string | null;
}

export interface DestinationStatus {
  name: string;
  protocol: string;
  status: 'pending' | 'processing' | 'retrying' | 'success' | 'failed' | 'cancelled';
  attempts: number;
  started_at: string | null;
  completed_at: string | null;
  /** Milliseconds. */
  response_time_ms: number | null;
  response_status: number | null;
  response_body: string | null;
  error_message: string | null;
  error_code: string | null;
  next_attempt_at: string | null;
  retry_history: {
    attempt: number;
    timestamp: string | null;
    error: string | null;
    backoff_delay_seconds: number | null;
  }[];
}

export interface JobMetrics {
  /** Milliseconds. */
  total_latency_ms: number | null;
  /** Milliseconds. */
  average_response_time_ms: number | null;
  success_rate: number;
  retry_count: number;
  total_attempts: number;
  successful_attempts: number;
  failed_attempts: number;
  data_transferred_bytes: number;
}

export interface JobStatus {
  distribution_id: string;
  tenant_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  outcome: 'deliver' | 'no_match' | 'filtered';
  reasons: Reason[];
  rules_version: string | null;
  priority: 'critical' | 'high' | 'normal' | 'low';
  data_type: string;
  batch_id: string | null;
  submitted_at: string;
  started_at: string | null;
  completed_at: string | null;
  deliver_at: string | null;
  expires_at: string | null;
  cancel_requested_at: string | null;
  destinations_count: number;
  callback_registered: boolean;
  error_code: string | null;
  error_message: string | null;
  progress_percentage: number;
  destinations: DestinationStatus[];
  metrics: JobMetrics;
  errors: {
    code: string;
    message: string;
    destination: string;
  }[];
  warnings: {
    code: string;
    message: string;
    destination: string;
    threshold_ms: number;
    actual_ms: number;
    severity: string;
  }[];
  /** The submitted metadata, and what the service adds. */
  metadata: {
    processing_node: string | null;
    worker_version: string | null;
    idempotency_key: string | null;
    correlation_id: string;
    rate_limit_remaining: number;
    [field: string]: unknown;
  };
}

export interface Attempts {
  distribution_id: string;
  attempts: {
    attempt_id: string;
    /** The same for every attempt of one destination. */
    delivery_id: string;
    destination: string;
    attempt_number: number;
    status: 'pending' | 'processing' | 'success' | 'failed' | 'retry' | 'cancelled';
    started_at: string | null;
    completed_at: string | null;
    /** Milliseconds. */
    response_time_ms: number | null;
    request: Record<string, unknown>;
    response: {
      status: number | null;
      body: string | null;
    };
    error_code: string | null;
    error_message: string | null;
    retry_reason: string | null;
    next_attempt_at: string | null;
    log: {
      level: string;
      message: string;
      timestamp: string;
    }[];
  }[];
}

export interface Events {
  distribution_id: string;
  events: {
    from_status: string | null;
    to_status: string;
    actor: string;
    reason: string;
    timestamp: string;
  }[];
}

export interface BatchStatus {
  batch_id: string;
  tenant_id: string;
  status: 'processing' | 'completed';
  total_distributions: number;
  accepted_distributions: number;
  rejected_distributions: number;
  open_distributions: number;
  completed_distributions: number;
  failed_distributions: number;
  cancelled_distributions: number;
  progress_percentage: number;
  submitted_at: string;
  completed_at: string | null;
  callback_registered: boolean;
  distributions: {
    distribution_id: string;
    status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  }[];
}

export interface Cancellation {
  distribution_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  cancelled_destinations: number;
  /** Let finish, and not repeated. */
  in_flight_destinations: number;
}

export interface Replay {
  distribution_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  replayed_destinations: number;
  destinations: {
    name: string;
    delivery_id: string;
    outcome: 'replayed' | 'superseded' | 'in_flight' | 'waiting' | 'succeeded' | 'discarded' | 'not_dead';
  }[];
}

export interface BulkOperation {
  operation_id: string;
  kind: 'replay' | 'redrive' | 'discard';
  status: 'running' | 'completed' | 'cancelled';
  selection: Record<string, unknown>;
  reason: string | null;
  rate_per_second: number;
  examined: number;
  done: number;
  skipped: number;
  created_by: string;
  created_at: string;
  completed_at: string | null;
}

export interface DryRun {
  dry_run: true;
  matched: number;
  /** There may be more than were counted. */
  capped: boolean;
}

export interface JobCallback {
  event_type: 'distribution.completed' | 'distribution.failed' | 'distribution.cancelled' | 'attempt.succeeded' | 'attempt.failed';
  distribution_id: string;
  tenant_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  completed_at: string | null;
  /** Of an event of an attempt. */
  attempt?: {
    destination: string;
    attempt_number: number;
  } | undefined;
  destinations: {
    name: string;
    status: 'pending' | 'processing' | 'retrying' | 'success' | 'failed' | 'cancelled';
    attempts: number;
    /** Milliseconds. */
    response_time_ms: number | null;
    error_code: string | null;
  }[];
  metrics: JobMetrics;
}

export interface BatchCallback {
  event_type: 'batch.completed';
  batch_id: string;
  tenant_id: string;
  status: 'processing' | 'completed';
  completed_at: string | null;
  summary: {
    total_distributions: number;
    completed_distributions: number;
    failed_distributions: number;
    cancelled_distributions: number;
    success_rate: number;
  };
}

export interface Destination {
  destination_id: string;
  name: string;
  description: string | null;
  protocol: string;
  status: 'active' | 'inactive' | 'maintenance' | 'deprecated';
  status_reason: string | null;
  /** Secrets are masked. */
  configuration: Record<string, unknown>;
  transform_config: Record<string, unknown>;
  health_check: Record<string, unknown>;
  tags: string[];
  version: number;
  created_at: string;
  updated_at: string;
  last_used: string | null;
  usage_count: number;
  health_status: 'healthy' | 'unhealthy' | 'unknown';
  last_health_check: string | null;
}

export interface RegisteredDestination {
  destination_id: string;
  name: string;
  description: string | null;
  protocol: string;
  status: 'active' | 'inactive' | 'maintenance' | 'deprecated';
  status_reason: string | null;
  /** Secrets are masked. */
  configuration: Record<string, unknown>;
  transform_config: Record<string, unknown>;
  health_check: Record<string, unknown>;
  tags: string[];
  version: number;
  created_at: string;
  updated_at: string;
  last_used: string | null;
  usage_count: number;
  health_status: 'healthy' | 'unhealthy' | 'unknown';
  last_health_check: string | null;
  registered_at: string;
}

export interface WatchedDestination {
  destination_id: string;
  name: string;
  description: string | null;
  protocol: string;
  status: 'active' | 'inactive' | 'maintenance' | 'deprecated';
  status_reason: string | null;
  /** Secrets are masked. */
  configuration: Record<string, unknown>;
  transform_config: Record<string, unknown>;
  health_check: Record<string, unknown>;
  tags: string[];
  version: number;
  created_at: string;
  updated_at: string;
  last_used: string | null;
  usage_count: number;
  health_status: 'healthy' | 'unhealthy' | 'unknown';
  last_health_check: string | null;
  breaker: {
    state: 'closed' | 'open' | 'half_open' | 'recovering';
    consecutive_failures: number;
    opened_at: string | null;
    probe_at: string | null;
  };
}

export interface DestinationList {
  destinations: WatchedDestination[];
}

export interface DestinationHealth {
  destination_id: string;
  name: string;
  health_status: 'healthy' | 'unhealthy' | 'unknown';
  last_health_check: string | null;
  since: string | null;
  error_code: string | null;
  message: string | null;
  next_check_at: string | null;
  uptime: {
    hours: number;
    checks: number;
    ratio: number | null;
  };
  history: {
    id: string;
    status: 'healthy' | 'unhealthy';
    source: 'check' | 'delivery';
    latency_ms: number;
    error_code: string | null;
    message: string;
    checked_at: string;
  }[];
  next_cursor: string | null;
}

export interface DestinationTest {
  name: string;
  protocol: string;
  sent: boolean;
  outcome: string;
  latency_ms: number;
  error_code: string | null;
  message: string;
  /** Of a sample that was sent. */
  request?: {
    delivery_id: string;
    content_type: string;
    bytes_sent: number;
    body: string;
    truncated: boolean;
  } | undefined;
  response?: {
    status: number | null;
    body: string | null;
  } | undefined;
  log?: Record<string, unknown>[] | undefined;
}

export interface Rule {
  rule_id: string;
  /** Null: for every tenant. */
  tenant_id: string | null;
  name: string;
  description: string | null;
  rule_type: 'filtering' | 'prioritization' | 'routing' | 'transformation';
  conditions: Record<string, unknown>;
  actions: Record<string, unknown>;
  priority: number;
  enabled: boolean;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface RuleList {
  rules: Rule[];
  limit: number;
  offset: number;
}

export interface RuleMatch {
  matched: boolean;
  /** What does not match; empty where all does. */
  why: string[];
}

export interface Explanation {
  outcome: 'deliver' | 'no_match' | 'filtered';
  outcome_reason: string | null;
  priority: 'critical' | 'high' | 'normal' | 'low';
  rules_version: string | null;
  destinations: {
    name: string;
    protocol: string;
    registered: boolean;
    transform: string | Record<string, unknown> | null;
    content: {
      content_type: string;
      content_encoding: 'gzip' | null;
      body: string;
      bytes: number;
      truncated: boolean;
    } | null;
    error: {
      code: string;
      message: string;
    } | null;
    reason: string;
    because: Reason[];
  }[];
  reasons: Reason[];
  rules: {
    rule_id: string;
    rule: string;
    rule_type: 'filtering' | 'prioritization' | 'routing' | 'transformation';
    priority: number;
    version: number;
    scope: 'tenant' | 'global';
    enabled: boolean;
    matched: boolean;
    applied: boolean;
    why: string[];
  }[];
  rules_omitted: number;
  warnings: string[];
}

export interface Transform {
  id: string;
  name: string;
  engine: 'field_mapping' | 'jsonata' | 'liquid';
  spec: string | Record<string, unknown>;
  input_format: 'json';
  output_format: 'json' | 'ndjson' | 'xml' | 'csv' | 'form' | 'text' | 'raw';
  output_schema: Record<string, unknown> | null;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface TransformList {
  transforms: Transform[];
}

export interface TransformPreview {
  output: string;
  content_type: string;
}

export interface Erasure {
  erasure_id: string;
  tenant_id: string;
  /** Null: the whole tenant. */
  subject_path: string | null;
  /** Keyed, in hex: the same for the same subject. The value itself is not kept. */
  subject_hash: string | null;
  dry_run: boolean;
  status: 'running' | 'completed';
  /** Jobs looked at. */
  examined: number;
  /** Jobs that could not be searched. */
  unreadable: number;
  /** Jobs of which something is being sent at this moment. */
  waiting: number;
  /** Rows by table: erased, or to be erased by a dry run. */
  counts: Record<string, number>;
  created_by: string;
  created_at: string;
  completed_at: string | null;
}

export interface ErasureList {
  erasures: Erasure[];
}

/** One line. Without a last one of type `end` the export is not whole. */
export interface ExportLine {
  type: 'export' | 'tenant' | 'user' | 'api_key' | 'signing_secret' | 'destination' | 'destination_version' | 'rule' | 'data_type' | 'configuration_version' | 'transform' | 'batch' | 'job' | 'attempt' | 'log_line' | 'event' | 'callback' | 'dead_letter' | 'bulk_operation' | 'erasure' | 'audit_entry' | 'end';
  [field: string]: unknown;
}

export interface Identity {
  actor: string;
  /** Null: the platform. */
  tenant_id: string | null;
  scopes: string[];
  /** Null for keys and for tokens of other issuers. */
  user: {
    id: string;
    tenant_id: string | null;
    username: string;
    email: string | null;
    role: string;
  } | null;
}

export interface SignedIn {
  access_token: string;
  token_type: 'Bearer';
  /** Seconds. */
  expires_in: number;
  user: {
    id: string;
    tenant_id: string | null;
    username: string;
    email: string | null;
    role: string;
  };
}

export interface IssuerState {
  configured: boolean;
}

export interface Summary {
  queue: {
    due: number;
    /** Retries and jobs for later. */
    scheduled: number;
    /** For an earlier delivery with the same ordering key. */
    waiting: number;
    in_flight: number;
    oldest_due_seconds: number;
  };
  dead_letters: number;
}

export interface Timeseries {
  /** The oldest first. All but the last two are refreshed once an hour. */
  hours: {
    hour: string;
    pending: number;
    processing: number;
    completed: number;
    failed: number;
    cancelled: number;
  }[];
}

export interface DeadLetter {
  dead_letter_id: string;
  distribution_id: string;
  delivery_id: string;
  destination_id: string | null;
  destination: string;
  data_type: string;
  error_code: string;
  error_message: string;
  attempts: number;
  status: 'dead' | 'redriven' | 'discarded';
  reason: string | null;
  resolved_by: string | null;
  resolved_at: string | null;
  died_at: string;
  expires_at: string;
}

export interface DeadLetterPage {
  dead_letters: DeadLetter[];
  limit: number;
  next_cursor: string | null;
}

export interface DeadLetterDetail {
  dead_letter_id: string;
  distribution_id: string;
  delivery_id: string;
  destination_id: string | null;
  destination: string;
  data_type: string;
  error_code: string;
  error_message: string;
  attempts: {
    attempt_id: string;
    /** The same for every attempt of one destination. */
    delivery_id: string;
    destination: string;
    attempt_number: number;
    status: 'pending' | 'processing' | 'success' | 'failed' | 'retry' | 'cancelled';
    started_at: string | null;
    completed_at: string | null;
    /** Milliseconds. */
    response_time_ms: number | null;
    request: Record<string, unknown>;
    response: {
      status: number | null;
      body: string | null;
    };
    error_code: string | null;
    error_message: string | null;
    retry_reason: string | null;
    next_attempt_at: string | null;
    log: {
      level: string;
      message: string;
      timestamp: string;
    }[];
  }[];
  status: 'dead' | 'redriven' | 'discarded';
  reason: string | null;
  resolved_by: string | null;
  resolved_at: string | null;
  died_at: string;
  expires_at: string;
  /** For callers who may replay. */
  payload?: unknown;
}

export interface Callbacks {
  distribution_id: string;
  callbacks: {
    callback_id: string;
    event_type: string;
    channel: string;
    callback_url: string | null;
    status: 'pending' | 'delivered' | 'failed';
    attempts: number;
    next_attempt_at: string | null;
    response_status: number | null;
    error_code: string | null;
    error_message: string | null;
    history: Record<string, unknown>[];
    created_at: string;
    completed_at: string | null;
  }[];
}

export interface DestinationTypeList {
  destination_types: {
    id: string;
    protocol: string;
    name: string;
    /** JSON Schema of `configuration`. */
    config_schema: Record<string, unknown>;
  }[];
}

export interface AuditPage {
  entries: {
    id: string;
    /** Counts the entries of the tenant from 1, without a gap. */
    sequence: number;
    actor: string;
    action: string;
    resource_type: string;
    resource_id: string;
    details: Record<string, unknown>;
    request_id: string | null;
    created_at: string;
    hash: string;
  }[];
  next_cursor: string | null;
}

export interface ErrorEnvelope {
  error: 'VALIDATION_ERROR' | 'AUTHENTICATION_FAILED' | 'AUTHORIZATION_FAILED' | 'NOT_FOUND' | 'CONFLICT' | 'PAYLOAD_TOO_LARGE' | 'TRANSFORMATION_FAILED' | 'RATE_LIMIT_EXCEEDED' | 'INTERNAL_ERROR' | 'DESTINATION_UNAVAILABLE' | 'SERVICE_UNAVAILABLE';
  message: string;
  details?: {
    field?: string | undefined;
    issue?: string | undefined;
  } | {
    field?: string | undefined;
    issue?: string | undefined;
  }[] | undefined;
  retry_after_seconds?: number | undefined;
  request_id: string;
  timestamp: string;
}
