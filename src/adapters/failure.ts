import { type DeliveryErrorCode, type Outcome } from './port';

/** Why a delivery did not arrive, before anybody says what was sent and kept. */
export type Failure =
  | { kind: 'retry'; code: DeliveryErrorCode; message: string; retryAfterSeconds?: number | undefined }
  | { kind: 'refused'; code: DeliveryErrorCode; message: string; disableDestination?: boolean };

/** A failure as the port wants it. */
export function failed(
  failure: Failure,
  { response, bytesSent = 0, log = [] }: Partial<Pick<Outcome, 'response' | 'bytesSent' | 'log'>> = {},
): Outcome {
  const facts = { response, bytesSent, log };
  if (failure.kind === 'refused') return { ...facts, ...failure };
  return { ...facts, ...failure, retryAfterSeconds: failure.retryAfterSeconds };
}

/** A delivery that cannot be written as configured, whatever the receiver. */
export const unwritable = (issue: string): Failure => ({
  kind: 'refused',
  code: 'CONFIGURATION_INVALID',
  message: `${issue}. Correct the destination or the job, then replay.`,
});

export const CLOSED: Failure = {
  kind: 'retry',
  code: 'ABORTED',
  message: 'The destination was closed on this side before the delivery began; it is tried again.',
};

/** Seconds of `Retry-After` (RFC 9110, 10.2.3): a number, or an HTTP date in the future; else undefined. */
export function retryAfterSeconds(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const value = header.trim();
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const at = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}
