import { z } from 'zod';
import { type Issue } from '../kernel/errors';
import { jsonObject, moment } from '../kernel/fields';
import { PRIORITIES } from '../kernel/priority';

/** Printable, without control characters; it also stands in URLs, logs and headers. */
const printable = z.string().regex(/^[^\u0000-\u001f\u007f]+$/, 'must not contain control characters');
const headers = z.record(
  z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'is not a header name (RFC 9110)'),
  z.string().regex(/^[^\u0000\r\n]*$/, 'must not contain line breaks'),
);

export const CALLBACK_EVENTS = ['attempt.succeeded', 'attempt.failed'] as const;

const options = z
  .strictObject({
    callback_url: z.string().max(2048),
    callback_events: z.array(z.enum(CALLBACK_EVENTS)),
    timeout_seconds: z.number().int().min(1),
    max_retries: z.number().int().min(0),
    idempotency_key: printable.max(100),
    compression: z.enum(['gzip', 'none']),
    encryption_required: z.boolean(),
    audit_trail: z.boolean(),
    expires_at: moment,
    ttl_seconds: z.number().positive().max(31_536_000),
    deliver_at: moment,
    ordering_key: printable.max(200),
  })
  .partial();

const destinationName = z
  .string()
  .max(100)
  .regex(/^[a-zA-Z0-9_-]+$/, 'must consist of letters, digits, _ and -');

/** What an inline destination may say beside the fields of its protocol. */
const inlineDestination = z.looseObject({
  name: destinationName,
  protocol: z.string().optional(),
  transform: z.union([z.string(), jsonObject]).optional(),
  filters: jsonObject.optional(),
});

export type DestinationRequest = string | z.infer<typeof inlineDestination>;

/** A submission as upstream services send it (`POST /distribution/submit`). */
export const submissionSchema = z.strictObject({
  $schema: z.unknown().optional(),
  timestamp: z.unknown().optional(),
  tenant_id: z.string().optional(),
  distribution_id: printable.max(100).optional(),
  data_type: printable.max(50),
  payload: jsonObject,
  priority: z.enum(PRIORITIES).default('normal'),
  metadata: jsonObject.default({}),
  destinations: z.array(z.union([destinationName, inlineDestination])).default([]),
  callback_url: z.string().max(2048).optional(),
  callback: z.strictObject({ url: z.string().max(2048), headers: headers.default({}) }).optional(),
  options: options.default({}),
});

export type Submission = z.infer<typeof submissionSchema>;

export const bulkSchema = z.strictObject({
  tenant_id: z.string().optional(),
  distributions: z.array(z.unknown()).min(1),
  options: z
    .strictObject({
      parallel_execution: z.boolean(),
      fail_fast: z.boolean(),
      callback_url: z.string().max(2048),
    })
    .partial()
    .default({}),
});

export type BulkOptions = z.infer<typeof bulkSchema>['options'];

export type ParsedBody<T> = { ok: true; value: T } | { ok: false; issues: Issue[] };

/** Every issue names its field, e.g. `destinations[2].name`. */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
): ParsedBody<z.infer<Schema>> {
  const parsed = schema.safeParse(body);
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, issues: issuesOf(parsed.error) };
}

const issuesOf = (error: z.ZodError): Issue[] => error.issues.flatMap((issue) => toIssues(issue, []));

function toIssues(issue: z.core.$ZodIssue, prefix: PropertyKey[]): Issue[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = 'is not a known field; remove it or correct its name';
    return issue.keys.map((key) => ({ field: fieldName([...path, key]), issue: known }));
  }
  if (issue.code === 'invalid_union') {
    // The alternative that the value was meant to be is the one that did not fail on its type.
    const meant = issue.errors.find((issues) =>
      issues.every((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'),
    );
    if (meant !== undefined) return meant.flatMap((inner) => toIssues(inner, path));
  }
  return [{ field: fieldName(path), issue: plainWords(issue.message) }];
}

const plainWords = (message: string): string =>
  message
    .replace(/^Invalid input: expected (.+), received undefined$/, 'is required ($1)')
    .replace(/^Invalid (input|option|string): (expected|must)/, 'must be: $2')
    .replace('must be: expected', 'must be')
    .replace('must be: must', 'must');

export function fieldName(path: readonly PropertyKey[]): string {
  const name = path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
  return name === '' ? 'body' : name;
}
