import { type DeliveryErrorCode } from '../port';
import { type StatusPattern } from './schema';

export type Verdict =
  | { kind: 'delivered' }
  | { kind: 'retry'; code: DeliveryErrorCode; message: string }
  | { kind: 'refused'; code: DeliveryErrorCode; message: string; disableDestination?: boolean };

const DEFAULT_SUCCESS: StatusPattern[] = ['2xx'];
const DEFAULT_RETRY: StatusPattern[] = [408, 425, 429, '5xx'];

/** Decides by status alone: the configuration's sets are unfolded once, so that a delivery looks up one entry. */
export function statusVerdicts(
  success: readonly StatusPattern[] = DEFAULT_SUCCESS,
  retry: readonly StatusPattern[] = DEFAULT_RETRY,
): (statusCode: number) => Verdict {
  const table: Verdict[] = [];
  for (let status = 0; status < 600; status++) {
    if (matches(status, success)) table.push({ kind: 'delivered' });
    else if (matches(status, retry)) table.push(retried(status));
    else table.push(refused(status));
  }
  return (statusCode) => table[statusCode] ?? refused(statusCode);
}

/** The lowest and highest status of a pattern; undefined when it is none. */
export function statusRange(pattern: StatusPattern): [number, number] | undefined {
  if (typeof pattern === 'number') return [pattern, pattern];
  if (/^[2-5]xx$/.test(pattern)) return [Number(pattern[0]) * 100, Number(pattern[0]) * 100 + 99];
  const [, low, high] = /^(\d{3})-(\d{3})$/.exec(pattern) ?? [];
  return low === undefined || high === undefined ? undefined : [Number(low), Number(high)];
}

const matches = (status: number, patterns: readonly StatusPattern[]): boolean =>
  patterns.some((pattern) => {
    const range = statusRange(pattern);
    return range !== undefined && status >= range[0] && status <= range[1];
  });

function retried(status: number): Verdict {
  const message = `The receiver answered ${status}; the delivery is tried again.`;
  return { kind: 'retry', code: status === 429 ? 'RATE_LIMITED' : 'RECEIVER_UNAVAILABLE', message };
}

function refused(status: number): Verdict {
  if (status >= 300 && status < 400) {
    const message = `The receiver answered ${status}: redirects are not followed. Configure the final URL as endpoint.`;
    return { kind: 'refused', code: 'REDIRECT_REFUSED', message };
  }
  if (status === 410) {
    const message = 'The receiver answered 410: it takes no more deliveries. The destination is disabled.';
    return { kind: 'refused', code: 'RECEIVER_GONE', message, disableDestination: true };
  }
  if (status === 401 || status === 403) {
    const message = `The receiver answered ${status}: check the credentials and permissions of the destination.`;
    return { kind: 'refused', code: 'AUTHENTICATION_FAILED', message };
  }
  const message = `The receiver answered ${status}: check endpoint, method and format, then replay.`;
  return { kind: 'refused', code: 'RECEIVER_REFUSED', message };
}

/** Seconds of `Retry-After` (RFC 9110, 10.2.3): a number, or an HTTP date in the future; else undefined. */
export function retryAfterSeconds(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const value = header.trim();
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const at = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}

const FAULTS: Readonly<Record<string, DeliveryErrorCode>> = {
  NETWORK_FORBIDDEN: 'NETWORK_FORBIDDEN',
  NAME_RESOLUTION_FAILED: 'NAME_RESOLUTION_FAILED',
  ENOTFOUND: 'NAME_RESOLUTION_FAILED',
  EAI_AGAIN: 'NAME_RESOLUTION_FAILED',
  UND_ERR_CONNECT_TIMEOUT: 'TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'TIMEOUT',
  ETIMEDOUT: 'TIMEOUT',
  ECONNABORTED: 'TIMEOUT',
  UND_ERR_INVALID_ARG: 'CONFIGURATION_INVALID',
  UND_ERR_CLOSED: 'ABORTED',
  UND_ERR_DESTROYED: 'ABORTED',
};

/** Codes of OpenSSL and node:tls for a certificate or handshake that failed. */
const TLS_FAULT =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH|ERROR_IN_CERT)/;

const WORDS: Partial<Record<DeliveryErrorCode, string>> = {
  CONNECTION_FAILED:
    'The connection to the receiver failed. Check that it runs and that host and port are right.',
  TLS_FAILED: "The encrypted connection failed. Check the receiver's certificate and the fields under tls.",
  TIMEOUT: 'The receiver took too long. Raise timeout_seconds, or have it answer first and work later.',
  ABORTED: 'The attempt was ended from this side before the receiver answered.',
  CONFIGURATION_INVALID: 'The request could not be written as configured. Check endpoint and headers.',
};

/** What a failed connection means. Names of time-outs come from the signal: `AbortSignal.timeout` or the caller. */
export function faultVerdict(error: Error): Exclude<Verdict, { kind: 'delivered' }> {
  const code = faultCode(error);
  const systemCode = codeOf(error);
  const words = WORDS[code] ?? error.message;
  const message = systemCode === undefined || WORDS[code] === undefined ? words : `${words} (${systemCode})`;
  const final = code === 'NETWORK_FORBIDDEN' || code === 'CONFIGURATION_INVALID';
  return { kind: final ? 'refused' : 'retry', code, message };
}

function faultCode(error: Error): DeliveryErrorCode {
  if (error.name === 'TimeoutError') return 'TIMEOUT';
  if (error.name === 'AbortError' || error.name === 'CanceledError') return 'ABORTED';
  const code = codeOf(error);
  if (code === undefined) return 'CONNECTION_FAILED';
  return FAULTS[code] ?? (TLS_FAULT.test(code) ? 'TLS_FAILED' : 'CONNECTION_FAILED');
}

function codeOf(error: Error): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return typeof cause === 'object' && cause !== null ? codeOf(cause as Error) : undefined;
}
