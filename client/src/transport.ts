import { ApiError, ConnectionError } from './errors.js';
import { pause, reasonOf } from './pause.js';
import {
  DEFAULT_RETRY,
  delayAfter,
  type Fault,
  isOfAddress,
  retryAfterMs,
  type RetryPolicy,
} from './retry.js';
import { type ErrorEnvelope } from './types.js';

export interface ClientOptions {
  /**
   * Where the service is, without `/api/v1`: `https://distributor.example.org`. Of several, one is used until it does not
   * answer, or answers 502, 503 or 504; then the next one, at once where what was asked can be repeated.
   */
  baseUrl: string | readonly string[];
  /** `zk_…`. Either this or `token`. */
  apiKey?: string | undefined;
  /** A JWT, or what gives the one of the moment; asked before every attempt. */
  token?: string | (() => string | Promise<string>) | undefined;
  /** For a platform key, which names the tenant. */
  tenantId?: string | undefined;
  /** Of one attempt of one request; 30,000 where it is not said. */
  timeoutMs?: number | undefined;
  retry?: Partial<RetryPolicy> | undefined;
  /** In place of the global fetch: with a proxy, with an own certificate authority. */
  fetch?: typeof fetch | undefined;
}

export interface CallOptions {
  /** Ends the call, its waits included, with the signal's reason. */
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`. */
  path: string;
  query?: object | undefined;
  body?: unknown;
  /** In place of `body`: what is sent as it stands. */
  ndjson?: string | undefined;
  idempotencyKey?: string | undefined;
  /** Asked for twice, it is done once. What only reads, and PUT and DELETE, are so by themselves. */
  repeatable?: boolean;
}

type Attempted<Answer> = { answer: Answer } | { error: ApiError | ConnectionError; fault: Fault };

const TIMEOUT_MS = 30_000;
const REPEATABLE = new Set(['GET', 'PUT', 'DELETE']);

/** Requests with credentials, time-outs and retries. */
export class Transport {
  private readonly bases: readonly string[];
  /** Which of them is used; it only grows. */
  private base = 0;
  private readonly retry: RetryPolicy;
  private readonly fetch: typeof fetch;

  constructor(private readonly options: ClientOptions) {
    this.bases = [options.baseUrl].flat().map(baseOf);
    if (this.bases.length === 0) throw new TypeError('baseUrl must have at least one address');
    this.retry = { ...DEFAULT_RETRY, ...options.retry };
    this.fetch = options.fetch ?? globalThis.fetch;
    if ((options.apiKey === undefined) === (options.token === undefined)) {
      throw new TypeError('give either apiKey or token');
    }
  }

  /**
   * @throws ApiError when the service refuses, ConnectionError when no answer comes, both after the retries; the
   * signal's reason when it is aborted.
   */
  async call<Answer>(call: Call, options: CallOptions = {}): Promise<Answer> {
    const repeatable = call.repeatable ?? REPEATABLE.has(call.method);
    const body = call.ndjson ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
    for (let attempt = 1; ; attempt++) {
      const used = this.base;
      const attempted = await this.attempt<Answer>(call, body, options);
      if ('answer' in attempted) return attempted.answer;
      // Another call may have gone on to the next address already.
      if (isOfAddress(attempted.fault) && this.base === used) this.base++;
      const delay = delayAfter(attempted.fault, attempt, repeatable, this.retry, this.bases.length);
      if (delay === undefined) throw attempted.error;
      await pause(delay, options.signal);
    }
  }

  private async attempt<Answer>(
    call: Call,
    body: string | undefined,
    { signal, timeoutMs = this.options.timeoutMs ?? TIMEOUT_MS }: CallOptions,
  ): Promise<Attempted<Answer>> {
    const where = `${call.method} ${call.path}`;
    // A credential that cannot be had is the caller's own fault, not the network's.
    const headers = await this.headers(call);
    const limit = limitOf(timeoutMs, signal);
    try {
      const response = await this.fetch(
        `${this.bases[this.base % this.bases.length]}${call.path}${queryOf(call.query)}`,
        {
          method: call.method,
          headers,
          // A redirect would carry the key to another server.
          redirect: 'manual',
          signal: limit.signal,
          ...(body === undefined ? {} : { body }),
        },
      );
      return read<Answer>(response, await response.text(), where);
    } catch (cause) {
      if (signal?.aborted) throw reasonOf(signal);
      const error = limit.timedOut()
        ? new ConnectionError(`${where}: no answer within ${timeoutMs} ms`, true, cause)
        : new ConnectionError(`${where}: no answer: ${messageOf(cause)}`, false, cause);
      return { error, fault: { status: undefined, retryAfterMs: undefined } };
    } finally {
      limit.clear();
    }
  }

  private async headers(call: Call): Promise<Record<string, string>> {
    const { apiKey, token, tenantId } = this.options;
    const bearer = typeof token === 'function' ? await token() : token;
    return {
      accept: 'application/json',
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(tenantId === undefined ? {} : { 'x-tenant-id': tenantId }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.ndjson === undefined ? {} : { 'content-type': 'application/x-ndjson' }),
      ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
    };
  }
}

function baseOf(baseUrl: string): string {
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new TypeError(`baseUrl must be an http or https URL, not ${JSON.stringify(baseUrl)}`);
  }
  return `${baseUrl.replace(/\/+$/, '').replace(/\/api\/v1$/, '')}/api/v1`;
}

function queryOf(query: object | undefined): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) said.set(name, String(value));
  return said.size === 0 ? '' : `?${said.toString()}`;
}

/** AbortSignal.any came with Node 20 only. */
function limitOf(timeoutMs: number, signal: AbortSignal | undefined) {
  const controller = new AbortController();
  let late = false;
  const abort = (): void => controller.abort();
  const timer = setTimeout(() => {
    late = true;
    abort();
  }, timeoutMs);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    timedOut: (): boolean => late,
    clear: (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    },
  };
}

function read<Answer>(response: Response, text: string, where: string): Attempted<Answer> {
  const parsed = parse(text);
  if (response.ok && (parsed !== undefined || text === '')) return { answer: parsed as Answer };
  const fault = {
    status: response.status,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), new Date()),
  };
  return {
    error: new ApiError(response.status, isEnvelope(parsed) ? parsed : undefined, where),
    fault,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const isEnvelope = (value: unknown): value is ErrorEnvelope =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as ErrorEnvelope).error === 'string' &&
  typeof (value as ErrorEnvelope).message === 'string';

/** fetch says `fetch failed` and keeps what happened in `cause`. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, code } = (error.cause ?? error) as { message?: string; code?: string };
  return message || code || error.message;
}
