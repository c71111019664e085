import { setMaxListeners } from 'node:events';
import { type Dispatcher } from 'undici';
import { endedBy } from '../ended-by';

export interface ExchangeRequest {
  method: Dispatcher.HttpMethod;
  path: string;
  headers: string[];
  body: Buffer;
}

export interface Answer {
  kind: 'answer';
  statusCode: number;
  retryAfter: string | undefined;
  location: string | undefined;
  /** The first bytes of the body; at most what the caller asked for. */
  body: Buffer;
  /** Why the body is not whole: the status decides all the same. */
  cut: Error | undefined;
}

export interface Fault {
  kind: 'fault';
  error: Error;
  /** Whether a connection stood and the request may have reached the receiver. */
  started: boolean;
}

/** Bytes read past the limit to keep the connection usable; a longer answer costs the connection. */
const DRAIN_BYTES = 65_536;

const NO_BODY = Buffer.alloc(0);

/**
 * One request on a pool, from hand-over to the end of the answer or the signal, without ever throwing. A
 * bare handler instead of undici's `request`: no stream, and an abort ends it even before there is a connection.
 */
export function exchange(
  pool: Dispatcher,
  request: ExchangeRequest,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Answer | Fault> {
  return new Promise((resolve) => {
    const handler = new Exchange(maxBytes, signal, resolve);
    if (signal.aborted) return handler.abort();
    // One signal may serve a whole batch of deliveries.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', handler.abort, { once: true });
    pool.dispatch(request, handler);
  });
}

class Exchange implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private statusCode = 0;
  private retryAfter: string | undefined;
  private location: string | undefined;
  private readonly chunks: Buffer[] = [];
  private received = 0;
  private settled = false;

  constructor(
    private readonly maxBytes: number,
    private readonly signal: AbortSignal,
    private readonly resolve: (result: Answer | Fault) => void,
  ) {}

  readonly abort = (): void => {
    const error = endedBy(this.signal);
    this.settle(error);
    this.controller?.abort(error);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // It was still waiting for a connection when the signal came.
    if (this.settled) controller.abort(endedBy(this.signal));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 1xx announce the answer proper.
    if (statusCode < 200) return;
    this.statusCode = statusCode;
    this.retryAfter = [headers['retry-after']].flat()[0];
    this.location = [headers['location']].flat()[0];
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = this.maxBytes - this.received;
    this.received += chunk.length;
    if (room > 0) this.chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    if (this.received > this.maxBytes + DRAIN_BYTES) controller.abort(new Error('The answer is too long'));
  }

  onResponseEnd(): void {
    this.settle(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.settle(error);
  }

  private settle(error: Error | undefined): void {
    if (this.settled) return;
    this.settled = true;
    this.signal.removeEventListener('abort', this.abort);
    if (this.statusCode === 0) {
      const why = error ?? new Error('The receiver ended without an answer');
      return this.resolve({ kind: 'fault', error: why, started: this.controller !== undefined });
    }
    const { statusCode, retryAfter, location, chunks } = this;
    const body = chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? NO_BODY);
    this.resolve({ kind: 'answer', statusCode, retryAfter, location, body, cut: error });
  }
}
