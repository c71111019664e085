import { setMaxListeners } from 'node:events';
import { type DeliveryErrorCode, type Outcome } from './port';

/** A way that did not lead to the receiver, before anybody says what was sent and kept. */
export type Failure =
  | { kind: 'retry'; code: DeliveryErrorCode; message: string; retryAfterSeconds?: number }
  | { kind: 'refused'; code: DeliveryErrorCode; message: string };

/** What a failed connection means, for protocols whose library hands on the errors of node:net and node:tls. */
export function connectionFailure(error: Error): Failure {
  const code = faultCode(error);
  const words = WORDS[code] ?? error.message;
  const systemCode = codeOf(error);
  const message = systemCode === undefined || WORDS[code] === undefined ? words : `${words} (${systemCode})`;
  return { kind: code === 'NETWORK_FORBIDDEN' ? 'refused' : 'retry', code, message };
}

/** A signal's end in two kinds: `TimeoutError` when its time ran out, `AbortError` for whatever else. */
export function endedBy(signal: AbortSignal): Error {
  const reason = signal.reason as { name?: unknown } | undefined;
  const error = new Error('The attempt was ended', { cause: reason });
  error.name = reason?.name === 'TimeoutError' ? 'TimeoutError' : 'AbortError';
  return error;
}

/** What comes first: the end of `work`, or of the signal (rejects with `endedBy`); `work` itself goes on. */
export function untilEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(endedBy(signal));
    if (signal.aborted) stop();
    // One signal may serve a whole batch of deliveries.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** A failure as the port wants it. */
export function failed(failure: Failure, facts: Pick<Outcome, 'response' | 'bytesSent' | 'log'>): Outcome {
  if (failure.kind === 'refused') return { ...facts, ...failure };
  return { ...facts, ...failure, retryAfterSeconds: failure.retryAfterSeconds };
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
  TIMEOUT: 'The receiver took too long. Raise timeout_seconds, or check that host and port are right.',
  ABORTED: 'The attempt was ended from this side before the receiver answered.',
};

function faultCode(error: Error): DeliveryErrorCode {
  if (error.name === 'TimeoutError') return 'TIMEOUT';
  if (error.name === 'AbortError') return 'ABORTED';
  const code = codeOf(error);
  if (code === undefined) return 'CONNECTION_FAILED';
  return CODES[code] ?? (TLS_FAULT.test(code) ? 'TLS_FAILED' : 'CONNECTION_FAILED');
}

function codeOf(error: Error): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return typeof cause === 'object' && cause !== null ? codeOf(cause as Error) : undefined;
}
