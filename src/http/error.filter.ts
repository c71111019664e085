import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { isUnavailable } from '../database/faults';
import { API_ERRORS, ApiError, type ApiErrorCode, errorEnvelope, invalid } from '../kernel/errors';
import { type ApiReply, type ApiRequest } from './request';
import { securityHeaders } from './security-headers';

const RETRY_AFTER_SECONDS = 5;

/** The error envelope of the contract. Nothing of SQL, stack or secret gets past here. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly onFault: (error: unknown, requestId: string) => void) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendError(http.getRequest<ApiRequest>(), http.getResponse<ApiReply>(), error, this.onFault);
  }
}

export function sendError(
  request: ApiRequest,
  reply: ApiReply,
  error: unknown,
  onFault: (error: unknown, requestId: string) => void,
): void {
  if (reply.sent) return;
  const refusal = toApiError(error);
  if (refusal.status >= 500) onFault(error, request.id);
  if (refusal.retryAfterSeconds !== undefined) void reply.header('retry-after', refusal.retryAfterSeconds);
  if (refusal.status === 401) void reply.header('www-authenticate', 'Bearer');
  void reply
    .code(refusal.status)
    .headers({ 'x-request-id': request.id, ...securityHeaders(request) })
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorEnvelope(refusal, request.id)));
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (isUnavailable(error)) {
    return new ApiError(
      'SERVICE_UNAVAILABLE',
      'the database is not available; try again',
      [],
      RETRY_AFTER_SECONDS,
    );
  }
  if (isUnzipFault(error)) return invalid('body', 'is not valid gzip, although content-encoding says so');
  const status = statusOf(error);
  if (status === 404) return new ApiError('NOT_FOUND', 'there is no such endpoint');
  if (status === 413)
    return new ApiError('PAYLOAD_TOO_LARGE', 'the body is too large (API_MAX_REQUEST_SIZE)');
  if (status === 415) {
    const issue = 'must be application/json, or application/x-ndjson for bulk-submit';
    return new ApiError('VALIDATION_ERROR', `content-type: ${issue}`, [{ field: 'content-type', issue }]);
  }
  if (status !== undefined && status < 500) {
    const code = codeOf(status);
    return new ApiError(
      code,
      code === 'VALIDATION_ERROR' ? messageOf(error) : code.toLowerCase().replaceAll('_', ' '),
    );
  }
  return new ApiError(
    'INTERNAL_ERROR',
    'something went wrong on our side; the request id finds it in the log',
  );
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/** zlib's own codes: Z_DATA_ERROR, Z_BUF_ERROR and the like. */
function isUnzipFault(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('Z_');
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : 'the request is not valid';

function codeOf(status: number): ApiErrorCode {
  const match = Object.entries(API_ERRORS).find(([, value]) => value === status);
  return (match?.[0] ?? 'VALIDATION_ERROR') as ApiErrorCode;
}
