import { type z } from 'zod';
import { parseBody } from '../intake/submission';
import { ApiError } from '../kernel/errors';

/** Unknown outside, exact inside; or every issue with its field. */
export function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown): z.infer<Schema> {
  const result = parseBody(schema, input);
  if (!result.ok) throw new ApiError('VALIDATION_ERROR', 'the request is not valid', result.issues);
  return result.value;
}
