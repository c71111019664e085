import { type CallOptions, type Transport } from './transport.js';
import {
  type BulkOperation,
  type DeadLetterDetail,
  type DeadLetterPage,
  type DeadLetterQuery,
  type DiscardRequest,
  type DryRun,
  type RedriveRequest,
  type Summary,
  type Timeseries,
} from './types.js';

/** Deliveries that were given up. */
export class DeadLetters {
  constructor(private readonly transport: Transport) {}

  listPage(query: DeadLetterQuery = {}, options?: CallOptions): Promise<DeadLetterPage> {
    return this.transport.call({ method: 'GET', path: '/dead-letters', query }, options);
  }

  /** With its attempts, and with the payload where the caller may replay. */
  get(id: string, options?: CallOptions): Promise<DeadLetterDetail> {
    return this.transport.call({ method: 'GET', path: `/dead-letters/${encodeURIComponent(id)}` }, options);
  }

  /** Sends them again; `operation` tells how far it is. */
  redrive(request: Omit<RedriveRequest, 'dry_run'>, options?: CallOptions): Promise<BulkOperation> {
    return this.transport.call({ method: 'POST', path: '/dead-letters/redrive', body: request }, options);
  }

  /** Gives them up for good. */
  discard(request: Omit<DiscardRequest, 'dry_run'>, options?: CallOptions): Promise<BulkOperation> {
    return this.transport.call({ method: 'POST', path: '/dead-letters/discard', body: request }, options);
  }

  /** How many `redrive` and `discard` would find. */
  count(request: Omit<RedriveRequest, 'dry_run'>, options?: CallOptions): Promise<DryRun> {
    const body = { ...request, dry_run: true };
    return this.transport.call(
      { method: 'POST', path: '/dead-letters/redrive', body, repeatable: true },
      options,
    );
  }
}

/** How things stand with the tenant. */
export class Statistics {
  constructor(private readonly transport: Transport) {}

  summary(options?: CallOptions): Promise<Summary> {
    return this.transport.call({ method: 'GET', path: '/stats/summary' }, options);
  }

  /** Jobs by hour and status, the oldest hour first. */
  async byHour(hours: number, options?: CallOptions): Promise<Timeseries['hours']> {
    const call = { method: 'GET', path: '/stats/timeseries', query: { hours } } as const;
    return (await this.transport.call<Timeseries>(call, options)).hours;
  }
}
