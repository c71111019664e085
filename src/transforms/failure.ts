/** A transform that cannot be done: the tenant's own fault, with words that help to mend it. */
export class TransformFailure extends Error {}

/** What an engine or library threw, in at most 500 characters and on one line. */
export function reasonOf(error: unknown): string {
  const { message, code, position } = (error ?? {}) as {
    message?: unknown;
    code?: string | number;
    position?: unknown;
  };
  const text =
    typeof message === 'string' && message !== ''
      ? message
      : `failed${code === undefined ? '' : ` (${code})`}`;
  const where = typeof position === 'number' ? ` (at character ${position})` : '';
  return `${text.replace(/\s+/g, ' ').slice(0, 450)}${where}`;
}
