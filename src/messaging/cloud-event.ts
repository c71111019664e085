import { type MessageProperties } from 'amqplib';
import { z } from 'zod';
import { parseBody } from '../intake/submission';
import { ApiError, invalid } from '../kernel/errors';

/** A body, and by what it is recognised when it comes again. */
export interface Content {
  body: unknown;
  eventId: string | undefined;
}

const STRUCTURED = /^application\/cloudevents\+json *(;|$)/i;
const JSON_TYPE = /^application\/json *(;|$)/i;
/** CloudEvents AMQP binding 1.0, 3.1.3.1: the second form is for clients whose names may not have a colon. */
const PREFIXES = ['cloudEvents:', 'cloudEvents_'];

const attributes = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.string().min(1),
});
const structured = attributes.extend({ data: z.unknown().optional(), data_base64: z.base64().optional() });

/**
 * The submission in a message: its body, or the data of the CloudEvents 1.0 event that it is (structured or binary
 * mode).
 * @throws ApiError where the message is neither.
 */
export function contentOf(
  { contentType, headers = {} }: Pick<MessageProperties, 'contentType' | 'headers'>,
  bytes: Buffer,
  parseJson: (bytes: Buffer) => unknown,
): Content {
  const type: unknown = contentType;
  if (typeof type === 'string' && STRUCTURED.test(type))
    return structuredContent(parseJson(bytes), parseJson);
  if (typeof type === 'string' && !JSON_TYPE.test(type)) {
    throw invalid('content_type', 'must be application/json or application/cloudevents+json, or absent');
  }
  const prefix = PREFIXES.find((one) => `${one}specversion` in headers);
  const body = parseJson(bytes);
  if (prefix === undefined) return { body, eventId: undefined };
  const named = Object.entries(headers).flatMap(([name, value]: [string, unknown]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
  );
  return { body, eventId: checked(attributes, Object.fromEntries(named), prefix).id };
}

function structuredContent(event: unknown, parseJson: (bytes: Buffer) => unknown): Content {
  const { id, data, data_base64 } = checked(structured, event, '');
  if (data_base64 !== undefined) return { body: parseJson(Buffer.from(data_base64, 'base64')), eventId: id };
  if (data === undefined) throw invalid('data', 'is required: the submission is the data of the event');
  return { body: data, eventId: id };
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, prefix: string): z.infer<Schema> {
  const parsed = parseBody(schema, value);
  if (parsed.ok) return parsed.value;
  const issues = parsed.issues.map(({ field, issue }) => ({ field: `${prefix}${field}`, issue }));
  throw new ApiError('VALIDATION_ERROR', 'the message is not a CloudEvents 1.0 event', issues);
}
