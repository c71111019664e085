import { type DeliveryErrorCode } from './port';

/** What a broken connection means for a delivery. */
export interface NetworkFault {
  kind: 'retry' | 'refused';
  code: DeliveryErrorCode;
  /** Fit for the attempt's record: without address and without the receiver's words. */
  message: string;
}

const CODES: Readonly<Record<string, DeliveryErrorCode>> = {
  NETWORK_FORBIDDEN: 'NETWORK_FORBIDDEN',
  NAME_RESOLUTION_FAILED: 'NAME_RESOLUTION_FAILED',
  ENOTFOUND: 'NAME_RESOLUTION_FAILED',
  EAI_AGAIN: 'NAME_RESOLUTION_FAILED',
  UND_ERR_CONNECT_TIMEOUT: 'TIMEOUT',
  ETIMEDOUT: 'TIMEOUT',
};

/** Codes of OpenSSL and node:tls for a certificate or handshake that failed. */
const TLS_FAULT =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH|ERROR_IN_CERT)/;

const WORDS: Partial<Record<DeliveryErrorCode, string>> = {
  CONNECTION_FAILED:
    'The connection to the receiver failed. Check that it runs and that host and port are right.',
  TLS_FAILED: "The encrypted connection failed. Check the receiver's certificate and the fields under tls.",
  TIMEOUT: 'The receiver took too long. Check that it is reachable, or raise timeout_seconds.',
  ABORTED: 'The attempt was ended from this side before the receiver answered.',
};

/**
 * Sorts errors of the network guard, of sockets and of TLS. A code goes before the name: libraries call a
 * reset a `TimeoutError`. The names `TimeoutError` and `AbortError` are those of `endedBy`.
 */
export function networkFault(error: Error): NetworkFault {
  const systemCode = systemCodeOf(error);
  const code = meaning(error, systemCode);
  const words = WORDS[code] ?? error.message;
  const message = systemCode === undefined || WORDS[code] === undefined ? words : `${words} (${systemCode})`;
  return { kind: code === 'NETWORK_FORBIDDEN' ? 'refused' : 'retry', code, message };
}

function meaning(error: Error, code: string | undefined): DeliveryErrorCode {
  if (code !== undefined) return CODES[code] ?? (TLS_FAULT.test(code) ? 'TLS_FAILED' : 'CONNECTION_FAILED');
  if (error.name === 'TimeoutError') return 'TIMEOUT';
  return error.name === 'AbortError' ? 'ABORTED' : 'CONNECTION_FAILED';
}

/** The first code along the chain of causes, e.g. `ECONNREFUSED`. */
export function systemCodeOf(error: Error): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return typeof cause === 'object' && cause !== null ? systemCodeOf(cause as Error) : undefined;
}
