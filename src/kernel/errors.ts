/** Every code an API caller can meet, with its HTTP status; one paragraph each in docs/errors.md. */
export const API_ERRORS = {
  VALIDATION_ERROR: 400,
  AUTHENTICATION_FAILED: 401,
  AUTHORIZATION_FAILED: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  TRANSFORMATION_FAILED: 422,
  RATE_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  DESTINATION_UNAVAILABLE: 502,
  SERVICE_UNAVAILABLE: 503,
} as const;

export type ApiErrorCode = keyof typeof API_ERRORS;

/** Where in the input the fault lies (a path such as `destinations[0].endpoint`) and what to do about it. */
export interface Issue {
  field: string;
  issue: string;
}

/** A refusal on its way to the caller. Thrown at the edge and by administration, never inside delivery. */
export class ApiError extends Error {
  constructor(
    readonly code: ApiErrorCode,
    message: string,
    readonly details: Issue[] = [],
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }

  get status(): number {
    return API_ERRORS[this.code];
  }
}

export const invalid = (field: string, issue: string): ApiError =>
  new ApiError('VALIDATION_ERROR', `${field}: ${issue}`, [{ field, issue }]);

export const notFound = (what: string): ApiError => new ApiError('NOT_FOUND', `${what} was not found`);

export const conflict = (field: string, issue: string): ApiError =>
  new ApiError('CONFLICT', `${field}: ${issue}`, [{ field, issue }]);

/** What the caller gets to see of it, over HTTP and AMQP; the request id finds it in the log. */
export function errorEnvelope(error: ApiError, requestId: string): Record<string, unknown> {
  const { code, message, details, retryAfterSeconds } = error;
  return {
    error: code,
    message,
    ...(details.length === 0 ? {} : { details: details.length === 1 ? details[0] : details }),
    ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds }),
    request_id: requestId,
    timestamp: new Date().toISOString(),
  };
}
