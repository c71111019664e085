import { S3ServiceException } from '@aws-sdk/client-s3';
import { type Failure, retryAfterSeconds } from '../failure';
import { networkFault, systemCodeOf } from '../network-faults';
import { type DeliveryErrorCode } from '../port';

/** What the receiver answered, as far as the SDK hands it on. */
export interface S3Answer {
  /** `SlowDown`, `AccessDenied`, …; a HEAD has no body, and then it is a guess from the status. */
  name: string;
  message: string;
  statusCode: number;
  retryAfter: string | undefined;
}

const RETRIED: Readonly<Record<string, DeliveryErrorCode>> = {
  SlowDown: 'RATE_LIMITED',
  Throttling: 'RATE_LIMITED',
  ThrottlingException: 'RATE_LIMITED',
  RequestLimitExceeded: 'RATE_LIMITED',
  TooManyRequests: 'RATE_LIMITED',
  InternalError: 'RECEIVER_UNAVAILABLE',
  ServiceUnavailable: 'RECEIVER_UNAVAILABLE',
  // Status 400: the body did not come in time.
  RequestTimeout: 'RECEIVER_UNAVAILABLE',
  // Two writers at once; the later one may come again.
  OperationAborted: 'RECEIVER_UNAVAILABLE',
  ConditionalRequestConflict: 'RECEIVER_UNAVAILABLE',
  // Damaged or cut on the way.
  BadDigest: 'RECEIVER_UNAVAILABLE',
  XAmzContentChecksumMismatch: 'RECEIVER_UNAVAILABLE',
  IncompleteBody: 'RECEIVER_UNAVAILABLE',
  // The parts of a multipart upload were tidied away meanwhile.
  NoSuchUpload: 'RECEIVER_UNAVAILABLE',
  // One of the two clocks is wrong: nothing that a change of the destination would cure.
  RequestTimeTooSkewed: 'RECEIVER_UNAVAILABLE',
};

const REFUSED: Readonly<Record<string, [DeliveryErrorCode, string]>> = {
  AccessDenied: ['AUTHENTICATION_FAILED', 'give the key the permission s3:PutObject on the bucket'],
  InvalidAccessKeyId: ['AUTHENTICATION_FAILED', 'check credentials.access_key_id'],
  SignatureDoesNotMatch: ['AUTHENTICATION_FAILED', 'check credentials.secret_access_key'],
  ExpiredToken: ['AUTHENTICATION_FAILED', 'renew credentials.session_token'],
  InvalidToken: ['AUTHENTICATION_FAILED', 'check credentials.session_token'],
  TokenRefreshRequired: ['AUTHENTICATION_FAILED', 'renew credentials.session_token'],
  AuthorizationHeaderMalformed: ['RECEIVER_REFUSED', 'check region'],
  NoSuchBucket: ['RECEIVER_REFUSED', 'create the bucket or correct its name'],
  PreconditionFailed: [
    'RECEIVER_REFUSED',
    'another object has the key, and if_none_match forbids replacing it',
  ],
  PermanentRedirect: ['REDIRECT_REFUSED', 'the bucket lies in another region; correct region or endpoint'],
  TemporaryRedirect: ['REDIRECT_REFUSED', 'the bucket is moving; try its own region as endpoint'],
};

/** The answer inside an error of the SDK; undefined when none came and the network failed. */
export function answerOf(error: Error): S3Answer | undefined {
  const { $metadata, $response } = error as Partial<S3ServiceException>;
  const statusCode = $metadata?.httpStatusCode ?? $response?.statusCode;
  if (statusCode === undefined) return undefined;
  const headers = $response?.headers as Record<string, string> | undefined;
  const known = error instanceof S3ServiceException && error.name !== 'Error';
  return {
    name: known ? error.name : `HTTP ${statusCode}`,
    message: known ? error.message : '',
    statusCode,
    retryAfter: headers?.['retry-after'],
  };
}

/** With the wait that the receiver asks for. */
export function answerVerdict(answer: S3Answer, now: number): Failure {
  const failure = byCode(answer);
  if (failure.kind === 'refused') return failure;
  return { ...failure, retryAfterSeconds: retryAfterSeconds(answer.retryAfter, now) };
}

/** Decides by the error's code, which says more than the status; unknown codes go by the status. */
function byCode({ name, statusCode }: S3Answer): Failure {
  const retried = RETRIED[name];
  if (retried !== undefined) return retry(retried, name);
  const refused = REFUSED[name];
  if (refused !== undefined) return refuse(refused[0], name, refused[1]);
  if (statusCode === 429) return retry('RATE_LIMITED', name);
  if (statusCode >= 500 || statusCode === 408 || statusCode === 425)
    return retry('RECEIVER_UNAVAILABLE', name);
  if (statusCode === 404) return refuse('RECEIVER_REFUSED', name, 'check bucket and endpoint');
  if (statusCode >= 300 && statusCode < 400)
    return refuse('REDIRECT_REFUSED', name, 'check region and endpoint');
  if (statusCode === 401 || statusCode === 403) {
    return refuse('AUTHENTICATION_FAILED', name, 'check the credentials and their permissions');
  }
  return refuse('RECEIVER_REFUSED', name, 'check the fields of the destination');
}

const retry = (code: DeliveryErrorCode, name: string): Failure => ({
  kind: 'retry',
  code,
  message: `The receiver answered ${name}; the delivery is tried again.`,
});

const refuse = (code: DeliveryErrorCode, name: string, wayOut: string): Failure => ({
  kind: 'refused',
  code,
  message: `The receiver answered ${name}: ${wayOut}, then replay.`,
});

/** What an error without an answer means; `endedBy` errors included. */
export function faultVerdict(error: Error): Failure {
  // The SDK throws these before it sends anything, e.g. for a bucket that no host name can hold.
  if (systemCodeOf(error) === undefined && /^(EndpointError|TypeError|InputError)/.test(error.name)) {
    const message = 'The request could not be written as configured. Check bucket, key and endpoint.';
    return { kind: 'refused', code: 'CONFIGURATION_INVALID', message };
  }
  return networkFault(error);
}
