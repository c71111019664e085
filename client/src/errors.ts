import { type ErrorEnvelope, type Issue, type JobStatus } from './types.js';

/** What the service calls its errors; `UNKNOWN` where something in between answered instead of it. */
export type ApiErrorCode = ErrorEnvelope['error'] | 'UNKNOWN';

/** Everything that this package throws by itself, other than for wrong arguments (TypeError) and aborted signals. */
export class DistributorError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The service answered with a refusal. Build on `code` and on `details[].field`, not on the message. */
export class ApiError extends DistributorError {
  readonly code: ApiErrorCode;
  /** Each field at fault, and what to do about it. */
  readonly details: Issue[];
  /** Finds the request in the log of the service. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    /** Of HTTP. */
    readonly status: number,
    readonly envelope: ErrorEnvelope | undefined,
    where: string,
  ) {
    super(`${where}: ${sentence(status, envelope)}`);
    this.code = envelope?.error ?? 'UNKNOWN';
    this.details = listOf(envelope?.details);
    this.requestId = envelope?.request_id;
    this.retryAfterSeconds = envelope?.retry_after_seconds;
  }
}

function sentence(status: number, envelope: ErrorEnvelope | undefined): string {
  if (envelope !== undefined) return `${envelope.error}: ${envelope.message}`;
  return `answered ${status} without the error envelope of the service; check baseUrl and what is in between`;
}

const listOf = (details: ErrorEnvelope['details']): Issue[] =>
  (details === undefined ? [] : Array.isArray(details) ? details : [details]).map(({ field, issue }) => ({
    field: field ?? '',
    issue: issue ?? '',
  }));

/** No answer came: a network fault, or none in time. `cause` has the fault. The service may have done what was asked. */
export class ConnectionError extends DistributorError {
  constructor(
    message: string,
    readonly timedOut: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** The deadline of a wait has passed; `last` is what was seen last. */
export class WaitTimeoutError<Seen = JobStatus> extends DistributorError {
  constructor(
    message: string,
    readonly last: Seen,
  ) {
    super(message);
  }
}

export type ForgeryReason =
  'header_missing' | 'timestamp_invalid' | 'timestamp_too_old' | 'timestamp_too_new' | 'signature_mismatch';

/** What came is not from the service, or is a copy of what came long ago. Answer 401 and do nothing with it. */
export class SignatureError extends DistributorError {
  constructor(
    readonly reason: ForgeryReason,
    message: string,
  ) {
    super(message);
  }
}
