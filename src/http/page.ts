import { z } from 'zod';
import { fromCursor } from '../kernel/cursor';

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
