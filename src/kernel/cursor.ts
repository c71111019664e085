import { isUuid } from './ids';

/** A cursor is the id of the last item of a page, made opaque so that nobody builds on it. */
export const toCursor = (id: string): string => Buffer.from(id).toString('base64url');

/** Undefined for a text that is no cursor of ours. */
export function fromCursor(cursor: string): string | undefined {
  const id = Buffer.from(cursor, 'base64url').toString();
  return isUuid(id) ? id : undefined;
}

/** Of rows that were read with one beyond the page: the page, and where the next one begins, null after the last. */
export function pageOf<Row extends { id: string }>(
  rows: readonly Row[],
  limit: number,
): { page: Row[]; nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { page, nextCursor: rows.length > limit && last !== undefined ? toCursor(last.id) : null };
}
