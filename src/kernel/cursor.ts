import { isUuid } from './ids';

/** A cursor is the id of the last item of a page, made opaque so that nobody builds on it. */
export const toCursor = (id: string): string => Buffer.from(id).toString('base64url');

/** Undefined for a text that is no cursor of ours. */
export function fromCursor(cursor: string): string | undefined {
  const id = Buffer.from(cursor, 'base64url').toString();
  return isUuid(id) ? id : undefined;
}
