import { type Failure } from './failure';
import { type DeliveryErrorCode } from './port';

const CODES: Readonly<Record<string, DeliveryErrorCode>> = {
  NETWORK_FORBIDDEN: 'NETWORK_FORBIDDEN',
  NAME_RESOLUTION_FAILED: 'NAME_RESOLUTION_FAILED',
  ENOTFOUND: 'NAME_RESOLUTION_FAILED',
  EAI_AGAIN: 'NAME_RESOLUTION_FAILED',
  ETIMEDOUT: 'TIMEOUT',
  ETIMEOUT: 'TIMEOUT', // tedious
  UND_ERR_CONNECT_TIMEOUT: 'TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'TIMEOUT',
  ABORT_ERR: 'ABORTED',
  UND_ERR_ABORTED: 'ABORTED',
  UND_ERR_CLOSED: 'ABORTED',
  UND_ERR_DESTROYED: 'ABORTED',
  ERR_CANCELED: 'ABORTED', // axios
  UND_ERR_INVALID_ARG: 'CONFIGURATION_INVALID',
  PROXY_AUTHENTICATION_FAILED: 'AUTHENTICATION_FAILED',
  PROXY_REFUSED: 'RECEIVER_REFUSED',
  PROXY_UNAVAILABLE: 'RECEIVER_UNAVAILABLE',
};

/** Codes of OpenSSL and node:tls for a certificate or handshake that failed, and of mysql2 for no TLS. */
const TLS_FAULT =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH|ERROR_IN_CERT|HANDSHAKE_NO_SSL_SUPPORT|HANDSHAKE_SSL_ERROR)/;

const WORDS: Partial<Record<DeliveryErrorCode, string>> = {
  CONNECTION_FAILED:
    'The connection to the receiver failed. Check that it runs and that host and port are right.',
  TLS_FAILED: "The encrypted connection failed. Check the receiver's certificate and the fields under tls.",
  TIMEOUT:
    'The receiver took too long. Check that it is reachable and answers before it works, or raise timeout_seconds.',
  ABORTED: 'The attempt was ended from this side before the receiver answered.',
  CONFIGURATION_INVALID: 'The request could not be written as configured. Check endpoint and headers.',
};

/**
 * What an error of the network guard, of sockets, of TLS or of `endedBy` means; the message is fit for the
 * attempt's record: without address and without the receiver's words.
 */
export function networkFault(error: Error): Failure {
  const systemCode = systemCodeOf(error);
  const code = networkErrorCode(error);
  const words = WORDS[code] ?? error.message;
  const message = systemCode === undefined || WORDS[code] === undefined ? words : `${words} (${systemCode})`;
  return { kind: faultKind(code), code, message };
}

const REFUSED: ReadonlySet<DeliveryErrorCode> = new Set([
  'NETWORK_FORBIDDEN',
  'CONFIGURATION_INVALID',
  'AUTHENTICATION_FAILED',
  'RECEIVER_REFUSED',
]);

/** What no repetition would cure is refused. */
export const faultKind = (code: DeliveryErrorCode): Failure['kind'] =>
  REFUSED.has(code) ? 'refused' : 'retry';

/** An error's own code goes before its name: libraries call a reset a `TimeoutError`. The name before its causes'. */
export function networkErrorCode(error: {
  name?: string;
  code?: unknown;
  cause?: unknown;
}): DeliveryErrorCode {
  if (typeof error.code !== 'string') {
    if (error.name === 'TimeoutError') return 'TIMEOUT';
    if (error.name === 'AbortError') return 'ABORTED';
  }
  const code = systemCodeOf(error) ?? '';
  return CODES[code] ?? (TLS_FAULT.test(code) ? 'TLS_FAILED' : 'CONNECTION_FAILED');
}

/** The first code along the chain of causes, e.g. `ECONNREFUSED`. */
export function systemCodeOf({ code, cause }: { code?: unknown; cause?: unknown }): string | undefined {
  if (typeof code === 'string') return code;
  return typeof cause === 'object' && cause !== null ? systemCodeOf(cause) : undefined;
}
