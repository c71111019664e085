/** SQLSTATE of a database error (PostgreSQL manual, appendix A); undefined where the server did not answer. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown; driverError?: { code?: unknown } } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The values are at fault (classes 22, 23, 54): the same statement fails again, a smaller group may not. */
export const isDataFault = (error: unknown): boolean => /^(22|23|54)/.test(sqlState(error) ?? '');

/** Lost a race for a lock (class 40): the same statement succeeds on the next try. */
export const isSerializationFault = (error: unknown): boolean => /^40/.test(sqlState(error) ?? '');

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);
const LOST_CONNECTION =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|not queryable|Driver not Connected/i;

/** The database is down, starting, read-only, too slow, out of connections, locks or space: come back later. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return /^(08|25006|53|55P03|57|58|XX)/.test(state);
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return NETWORK_CODES.has(String(code)) || LOST_CONNECTION.test(String(message));
}
