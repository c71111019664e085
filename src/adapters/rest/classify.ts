import { type Failure } from '../failure';
import { type StatusPattern } from './schema';

export type Verdict = { kind: 'delivered' } | Failure;

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
    const message = `The receiver answered ${status}, a redirect that is not followed. Configure the final URL as endpoint.`;
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
