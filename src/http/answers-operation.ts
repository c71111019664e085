import { z } from 'zod';
import { Attempt, count, object, time, uuid } from './answers-distribution';

/** For whoever operates the service for a tenant: sign-in, figures, dead letters, callbacks, the audit log. */

const Identity = z.object({
  actor: z.string(),
  tenant_id: z.string().nullable().describe('Null: the platform.'),
  scopes: z.array(z.string()),
  user: z
    .object({
      id: uuid,
      tenant_id: z.string().nullable(),
      username: z.string(),
      email: z.string().nullable(),
      role: z.string(),
    })
    .nullable()
    .describe('Null for keys and for tokens of other issuers.'),
});

const SignedIn = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: count.describe('Seconds.'),
  user: Identity.shape.user.unwrap(),
});

const Summary = z.object({
  queue: z.object({
    due: count,
    scheduled: count.describe('Retries and jobs for later.'),
    waiting: count.describe('For an earlier delivery with the same ordering key.'),
    in_flight: count,
    oldest_due_seconds: z.number(),
  }),
  dead_letters: count,
});

const Timeseries = z.object({
  hours: z
    .array(
      z.object({
        hour: time,
        pending: count,
        processing: count,
        completed: count,
        failed: count,
        cancelled: count,
      }),
    )
    .describe('The oldest first. All but the last two are refreshed once an hour.'),
});

const DeadLetter = z.object({
  dead_letter_id: uuid,
  distribution_id: z.string(),
  delivery_id: uuid,
  destination_id: uuid.nullable(),
  destination: z.string(),
  data_type: z.string(),
  error_code: z.string(),
  error_message: z.string(),
  attempts: count,
  status: z.enum(['dead', 'redriven', 'discarded']),
  reason: z.string().nullable(),
  resolved_by: z.string().nullable(),
  resolved_at: time.nullable(),
  died_at: time,
  expires_at: time,
});

const DeadLetterDetail = z.object({
  ...DeadLetter.shape,
  attempts: z.array(Attempt),
  payload: z.unknown().optional().describe('For callers who may replay.'),
});

const Callbacks = z.object({
  distribution_id: z.string(),
  callbacks: z.array(
    z.object({
      callback_id: uuid,
      event_type: z.string(),
      channel: z.string(),
      callback_url: z.string().nullable(),
      status: z.enum(['pending', 'delivered', 'failed']),
      attempts: count,
      next_attempt_at: time.nullable(),
      response_status: z.int().nullable(),
      error_code: z.string().nullable(),
      error_message: z.string().nullable(),
      history: z.array(object),
      created_at: time,
      completed_at: time.nullable(),
    }),
  ),
});

const AuditPage = z.object({
  entries: z.array(
    z.object({
      id: z.string(),
      sequence: count.describe('Counts the entries of the tenant from 1, without a gap.'),
      actor: z.string(),
      action: z.string(),
      resource_type: z.string(),
      resource_id: z.string(),
      details: object,
      request_id: z.string().nullable(),
      created_at: time,
      hash: z.string(),
    }),
  ),
  next_cursor: z.string().nullable(),
});

export const ANSWERS = {
  Identity,
  SignedIn,
  IssuerState: z.object({ configured: z.boolean() }),
  Summary,
  Timeseries,
  DeadLetter,
  DeadLetterPage: z.object({
    dead_letters: z.array(DeadLetter),
    limit: count,
    next_cursor: z.string().nullable(),
  }),
  DeadLetterDetail,
  Callbacks,
  DestinationTypeList: z.object({
    destination_types: z.array(
      z.object({
        id: z.string(),
        protocol: z.string(),
        name: z.string(),
        config_schema: object.describe('JSON Schema of `configuration`.'),
      }),
    ),
  }),
  AuditPage,
};
