import { z } from 'zod';
import { RULE_TYPES } from '../rules/actions';
import { DESTINATION_STATUSES } from '../tenants/entities';
import { ENGINES, OUTPUT_FORMATS } from '../transforms/transform';
import { object, priority, Reason, time, uuid } from './answers-distribution';

const count = z.int().min(0);
const healthStatus = z.enum(['healthy', 'unhealthy', 'unknown']);

const Destination = z.object({
  destination_id: uuid,
  name: z.string(),
  description: z.string().nullable(),
  protocol: z.string(),
  status: z.enum(DESTINATION_STATUSES),
  status_reason: z.string().nullable(),
  configuration: object.describe('Secrets are masked.'),
  transform_config: object,
  health_check: object,
  tags: z.array(z.string()),
  version: z.int(),
  created_at: time,
  updated_at: time,
  last_used: time.nullable(),
  usage_count: count,
  health_status: healthStatus,
  last_health_check: time.nullable(),
});

const RegisteredDestination = z.object({ ...Destination.shape, registered_at: time });

const WatchedDestination = z.object({
  ...Destination.shape,
  breaker: z.object({
    state: z.enum(['closed', 'open', 'half_open', 'recovering']),
    consecutive_failures: count,
    opened_at: time.nullable(),
    probe_at: time.nullable(),
  }),
});

const DestinationHealth = z.object({
  destination_id: uuid,
  name: z.string(),
  health_status: healthStatus,
  last_health_check: time.nullable(),
  since: time.nullable(),
  error_code: z.string().nullable(),
  message: z.string().nullable(),
  next_check_at: time.nullable(),
  uptime: z.object({ hours: z.int(), checks: count, ratio: z.number().nullable() }),
  history: z.array(
    z.object({
      id: uuid,
      status: z.enum(['healthy', 'unhealthy']),
      source: z.enum(['check', 'delivery']),
      latency_ms: z.number(),
      error_code: z.string().nullable(),
      message: z.string(),
      checked_at: time,
    }),
  ),
  next_cursor: z.string().nullable(),
});

const DestinationTest = z.object({
  name: z.string(),
  protocol: z.string(),
  sent: z.boolean(),
  outcome: z.string(),
  latency_ms: z.number(),
  error_code: z.string().nullable(),
  message: z.string(),
  request: z
    .object({
      delivery_id: uuid,
      content_type: z.string(),
      bytes_sent: z.number(),
      body: z.string(),
      truncated: z.boolean(),
    })
    .optional()
    .describe('Of a sample that was sent.'),
  response: z.object({ status: z.int().nullable(), body: z.string().nullable() }).optional(),
  log: z.array(object).optional(),
});

const Rule = z.object({
  rule_id: uuid,
  tenant_id: z.string().nullable().describe('Null: for every tenant.'),
  name: z.string(),
  description: z.string().nullable(),
  rule_type: z.enum(RULE_TYPES),
  conditions: object,
  actions: object,
  priority: z.int(),
  enabled: z.boolean(),
  version: z.int(),
  created_at: time,
  updated_at: time,
});

const RuleMatch = z.object({
  matched: z.boolean(),
  why: z.array(z.string()).describe('What does not match; empty where all does.'),
});

const Explanation = z.object({
  outcome: z.enum(['deliver', 'no_match', 'filtered']),
  outcome_reason: z.string().nullable(),
  priority,
  rules_version: z.string().nullable(),
  destinations: z.array(
    z.object({
      name: z.string(),
      protocol: z.string(),
      registered: z.boolean(),
      transform: z.union([z.string(), object]).nullable(),
      content: z
        .object({
          content_type: z.string(),
          content_encoding: z.literal('gzip').nullable(),
          body: z.string(),
          bytes: count,
          truncated: z.boolean(),
        })
        .nullable(),
      error: z.object({ code: z.string(), message: z.string() }).nullable(),
      reason: z.string(),
      because: z.array(Reason),
    }),
  ),
  reasons: z.array(Reason),
  rules: z.array(
    z.object({
      rule_id: uuid,
      rule: z.string(),
      rule_type: z.enum(RULE_TYPES),
      priority: z.int(),
      version: z.int(),
      scope: z.enum(['tenant', 'global']),
      enabled: z.boolean(),
      matched: z.boolean(),
      applied: z.boolean(),
      why: z.array(z.string()),
    }),
  ),
  rules_omitted: count,
  warnings: z.array(z.string()),
});

const Transform = z.object({
  id: uuid,
  name: z.string(),
  engine: z.enum(ENGINES),
  spec: z.union([z.string(), object]),
  input_format: z.literal('json'),
  output_format: z.enum(OUTPUT_FORMATS),
  output_schema: object.nullable(),
  version: z.int(),
  created_at: time,
  updated_at: time,
});

const TransformPreview = z.object({ output: z.string(), content_type: z.string() });

export const ANSWERS = {
  Destination,
  RegisteredDestination,
  WatchedDestination,
  DestinationList: z.object({ destinations: z.array(WatchedDestination) }),
  DestinationHealth,
  DestinationTest,
  Rule,
  RuleList: z.object({ rules: z.array(Rule), limit: count, offset: count }),
  RuleMatch,
  Explanation,
  Transform,
  TransformList: z.object({ transforms: z.array(Transform) }),
  TransformPreview,
};
