import { type BreakerState } from '../../../src/delivery/breaker';
import { type JsonObject } from '../../../src/kernel/json';
import { type StoredDestination } from '../../../src/planning/stored-destination';

/** Times are milliseconds since EPOCH, exact to the microsecond; Infinity is PostgreSQL's 'infinity'. */
export type Moment = number;

/** Later than any real time, so that what the database stamps by itself lies before. */
export const EPOCH = Date.UTC(2040, 0, 1);

export interface ReadyRow {
  deliveryId: string;
  tenantId: string;
  jobId: string;
  attemptId: string;
  attemptNumber: number;
  roundStart: number;
  destinationName: string;
  position: number;
  laneId: string;
  rank: number;
  dueAt: Moment;
  expiresAt: Moment | null;
  leasedBy: string | null;
  fence: number;
  orderingKey: string | null;
  orderingSeq: number | null;
}

export interface JobRow {
  id: string;
  tenantId: string;
  distributionId: string;
  status: string;
  priority: string;
  dataType: string;
  payload: string;
  destinations: StoredDestination[];
  options: JsonObject;
  correlationId: string;
  maxRetries: number;
  deliverAt: Moment | null;
  expiresAt: Moment | null;
  openDeliveries: number;
  failedDeliveries: number;
  cancelRequestedAt: Moment | null;
  completedAt: Moment | null;
}

export interface AttemptRow {
  id: string;
  jobId: string;
  deliveryId: string;
  destinationName: string;
  attemptNumber: number;
  status: 'pending' | 'success' | 'retry' | 'failed' | 'cancelled';
  errorCode: string | null;
  errorMessage: string | null;
  nextAttemptAt: Moment | null;
  wasSent: boolean;
}

export interface DestinationRow {
  id: string;
  tenantId: string;
  name: string;
  status: 'active' | 'inactive' | 'maintenance';
  configuration: JsonObject;
  version: number;
  deletedAt: Moment | null;
}

export interface LaneRow {
  tenantId: string;
  laneId: string;
  destinationName: string;
  ownedBy: string | null;
  ownedUntil: Moment | null;
  breaker: BreakerState;
  failures: number;
  openedAt: Moment | null;
  probeAt: Moment | null;
  pausedUntil: Moment | null;
  resetAt: Moment | null;
}

export interface DeadLetterRow {
  deliveryId: string;
  jobId: string;
  status: 'dead' | 'redriven' | 'discarded';
}

export interface BlockRow {
  tenantId: string;
  deliveryId: string;
  laneId: string;
  orderingKey: string;
  orderingSeq: number;
}

export interface TenantRow {
  id: string;
  status: 'active' | 'suspended';
}

export interface NodeRow {
  lostAfterSeconds: number;
  heardSince: Moment;
  heartbeatAt: Moment;
}

/** The tables that deliveries live in, as far as the statements of delivery read and write them. */
export class Tables {
  now: Moment = 0;
  orderingSeq = 0;
  readonly tenants = new Map<string, TenantRow>();
  readonly destinations = new Map<string, DestinationRow>();
  readonly jobs = new Map<string, JobRow>();
  readonly attempts = new Map<string, AttemptRow>();
  readonly ready = new Map<string, ReadyRow>();
  readonly lanes = new Map<string, LaneRow>();
  /** Of each delivery, the oldest first. */
  readonly letters: DeadLetterRow[] = [];
  readonly blocks = new Map<string, BlockRow>();
  readonly nodes = new Map<string, NodeRow>();

  after(seconds: number): Moment {
    return micro(this.now + seconds * 1000);
  }

  latestLetter(deliveryId: string): DeadLetterRow | undefined {
    return this.letters.findLast((letter) => letter.deliveryId === deliveryId);
  }

  job(id: string): JobRow {
    const job = this.jobs.get(id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return job;
  }

  attemptsOf(deliveryId: string): AttemptRow[] {
    return [...this.attempts.values()].filter((attempt) => attempt.deliveryId === deliveryId);
  }
}

export const micro = (ms: number): Moment => Math.round(ms * 1000) / 1000;
