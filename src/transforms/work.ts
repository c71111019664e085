import { isJsonObject, type Json, type JsonObject } from '../kernel/json';
import { reasonOf, TransformFailure } from './failure';
import { applyFilters } from './filters';
import { CONTENT_TYPES, serialise } from './serialise';
import { type Filters, LIMITS, type Transform } from './transform';

/** Everything that happens between a stored payload and the bytes of a delivery. */
export interface Work {
  transform: Transform | null;
  filters: Filters | null;
  /** The data type's `schema_definition`, where the filters need it. */
  dataTypeSchema: JsonObject | null;
}

export type Transformed = { ok: true; body: string; contentType: string } | { ok: false; message: string };

/** Filters, engine, serialiser. The two steps meet in a plain value. */
export function* stepsOf(work: Work, input: Json): Generator<[Transform, JsonObject], string, Json> {
  if (!isJsonObject(input)) throw new TransformFailure('the payload is not an object');
  const { transform, filters, dataTypeSchema } = work;
  const filtered = filters === null ? input : applyFilters(input, filters, dataTypeSchema);
  if (transform === null) return bounded(serialise(filtered, 'json'));
  const value = yield [transform, filtered];
  return bounded(serialise(value, transform.output_format));
}

export const contentTypeOf = ({ transform }: Work): string =>
  CONTENT_TYPES[transform?.output_format ?? 'json'];

/** A program that writes JSON as text means the value; in `text` and `raw` it means the text. */
export function valueOfText(text: string, { output_format }: Transform): Json {
  if (output_format === 'text' || output_format === 'raw') return text;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new TransformFailure(`the template gave no JSON, which ${output_format} needs: ${reasonOf(error)}`);
  }
}

function bounded(body: string): string {
  const bytes = Buffer.byteLength(body);
  if (bytes <= LIMITS.outputBytes) return body;
  throw new TransformFailure(`the result has ${bytes} bytes; at most ${LIMITS.outputBytes} are allowed`);
}

/** Why the work cannot even begin, before anything is parsed. */
export const tooLarge = (json: string): string | undefined =>
  Buffer.byteLength(json) <= LIMITS.inputBytes
    ? undefined
    : `the payload is larger than ${LIMITS.inputBytes} bytes, the most that can be transformed`;

/** What the caller's fault is becomes a message; anything else is ours and is thrown on. */
export function failed(error: unknown): { ok: false; message: string } {
  if (error instanceof TransformFailure) return { ok: false, message: error.message };
  throw error;
}
