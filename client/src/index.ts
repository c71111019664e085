export { type BatchOptions, DistributorClient, type StreamOptions, type SubmitOptions } from './client.js';
export { type Destinations, type Rules, type Transforms } from './configuration.js';
export {
  ApiError,
  type ApiErrorCode,
  ConnectionError,
  DistributorError,
  type ForgeryReason,
  SignatureError,
  WaitTimeoutError,
} from './errors.js';
export { CallbackInbox } from './inbox.js';
export { type RetryPolicy } from './retry.js';
export {
  type Callback,
  type ReceivedHeaders,
  type Verified,
  verifyCallback,
  type VerifyOptions,
  verifySignature,
} from './signature.js';
export { DeadLetters, Statistics } from './operation.js';
export { type CallOptions, type ClientOptions } from './transport.js';
export * from './types.js';
export { type WaitOptions } from './wait.js';
