/** A start that cannot be: the message alone tells an operator what is wrong and what to do; no stack needed. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
