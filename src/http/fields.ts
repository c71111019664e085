import { z } from 'zod';
import { fromCursor } from '../kernel/cursor';
import { isJsonObject, type JsonObject } from '../kernel/json';

export const jsonObject = z.custom<JsonObject>(isJsonObject, 'must be a JSON object');

export const moment = z.iso.datetime({
  offset: true,
  error: 'must be an RFC 3339 time, e.g. 2026-01-31T00:00:00Z',
});

/** Of a list that is read page by page; the cursor becomes the id that the page before ended with. */
export const page = {
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  cursor: z
    .string()
    .transform((cursor, context) => {
      const id = fromCursor(cursor);
      if (id !== undefined) return id;
      context.addIssue({ code: 'custom', message: 'is not a next_cursor of an earlier page' });
      return z.NEVER;
    })
    .optional(),
};
