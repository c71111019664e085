import { type CapturedResponse, type LogLine } from '../adapters/port';
import { isDataFault, isSerializationFault, isUnavailable } from '../database/faults';
import { GroupCommit } from '../database/group-commit';
import { type Column, columns } from '../database/statement';
import { type TenantStatements, type TenantTransaction } from '../database/tenant-transaction';
import { type AttemptId, type DeadLetterId, type DeliveryId, newId, type TenantId } from '../kernel/ids';
import { pause, type Timers } from '../kernel/clock';
import { type DueLane } from '../kernel/priority';
import { holdKeys, type OrderedLane, orderingKeyOf, releaseKeys } from '../planning/ordering';
import { type ClaimedDelivery } from './claim';
import { type Decision } from './decide';
import { RECORD_OUTCOMES } from './record.sql';

/** A delivery that was attempted or settled, on its way into the history. */
export interface Result {
  claimed: ClaimedDelivery;
  decision: Decision;
  /** Undefined where nothing was sent. */
  startedAt: Date | undefined;
  completedAt: Date;
  response: CapturedResponse | undefined;
  bytesSent: number;
  log: LogLine[];
  /** Why the registered destination is to take no more deliveries; its receiver said so (HTTP 410). */
  disables?: string | undefined;
}

export interface Maker {
  node: string;
  version: string;
}

export interface RecorderParts {
  tenants: Pick<TenantTransaction, 'run' | 'each'>;
  timers: Timers;
  /** Stands in the history beside each attempt. */
  madeBy: Maker;
  /** An outcome that came after its lease had passed on: it is not recorded, another node's is. */
  onRefused: (result: Result) => void;
  onFault: (error: unknown, results: number) => void;
  /** Deliveries that waited behind what was recorded are due in these lanes. */
  onReleased: (lanes: readonly DueLane[]) => void;
  /** Where the tenant says nothing else. */
  deadLetterDays: number;
}

/** One at a time, so that two never wait for the same job; nobody waits for what is recorded but status queries. */
const GROUPS = { mostTogether: 200, sideBySide: 1, paceMs: 10 };
const MOST_TRIES = 6;

/**
 * Writes outcomes down, many of a tenant's in one transaction. `record` resolves when the outcome is committed or
 * refused by its fence. While the database is away it tries again, and when the lease runs out meanwhile the
 * fence sorts it out; it rejects when it gives up, and the delivery is made again after its lease.
 */
export class Recorder {
  private readonly groups: GroupCommit<Result, void>;
  private stopped = false;

  constructor(private readonly parts: RecorderParts) {
    this.groups = new GroupCommit(
      GROUPS,
      (tenantId, results) => this.persist(tenantId, results),
      parts.timers,
    );
  }

  record(result: Result): Promise<void> {
    return this.groups.submit(result.claimed.tenant_id, result);
  }

  /** From now on a fault of the database ends the tries. */
  stop(): void {
    this.stopped = true;
  }

  private async persist(tenantId: TenantId, results: Result[]): Promise<void[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.commit(tenantId, results);
      } catch (error) {
        this.parts.onFault(error, results.length);
        const hopeless = tries >= MOST_TRIES && !isUnavailable(error);
        if (this.stopped || hopeless || (isDataFault(error) && results.length > 1)) throw error;
        if (isDataFault(error)) results.forEach(stripResponse);
        else if (!isSerializationFault(error))
          await pause(this.parts.timers, Math.min(50 * 2 ** tries, 2000));
      }
    }
  }

  private async commit(tenantId: TenantId, results: Result[]): Promise<void[]> {
    const latest = latestOf(results);
    const recorded = [...latest.values()];
    const ordered = recorded.flatMap(orderedLane);
    const accepted =
      ordered.length === 0
        ? await this.recordIn(this.parts.tenants.each(tenantId), recorded)
        : await this.commitOrdered(tenantId, recorded, ordered);
    return results.map((result) => {
      const id = result.claimed.delivery_id;
      if (latest.get(id) !== result || !accepted.has(id)) this.parts.onRefused(result);
    });
  }

  /** Holds their keys meanwhile, and lets go what waited behind them. */
  private async commitOrdered(
    tenantId: TenantId,
    results: Result[],
    ordered: readonly OrderedLane[],
  ): Promise<Set<DeliveryId>> {
    const { accepted, released } = await this.parts.tenants.run(tenantId, async (tx) => {
      await holdKeys(
        tx,
        ordered.map(({ key }) => key),
      );
      return { accepted: await this.recordIn(tx, results), released: await releaseKeys(tx, ordered) };
    });
    if (released.length > 0) this.parts.onReleased(released);
    return accepted;
  }

  private recordIn(statements: TenantStatements, results: Result[]): Promise<Set<DeliveryId>> {
    const { madeBy, deadLetterDays } = this.parts;
    return recordOutcomes(statements, results, { actor: `node:${madeBy.node}`, deadLetterDays, madeBy });
  }
}

/**
 * One outcome a delivery, which the statement counts on. A worker that stalled, or could not record, may have claimed a
 * delivery again: what it says of the earlier claim is refused in any case.
 */
function latestOf(results: readonly Result[]): Map<DeliveryId, Result> {
  const latest = new Map<DeliveryId, Result>();
  for (const result of results) {
    const before = latest.get(result.claimed.delivery_id);
    if (before === undefined || isLater(result.claimed, before.claimed))
      latest.set(result.claimed.delivery_id, result);
  }
  return latest;
}

/** A replay begins a new fence, and goes on counting attempts. */
const isLater = (one: ClaimedDelivery, other: ClaimedDelivery): boolean =>
  one.attempt_number === other.attempt_number
    ? one.fence > other.fence
    : one.attempt_number > other.attempt_number;

function orderedLane({ claimed: { options, lane_id: laneId } }: Result): OrderedLane[] {
  const key = orderingKeyOf(options);
  return key === undefined ? [] : [{ laneId, key }];
}

/** What is recorded of a delivery; cancellation knows no more of it than this. */
export type Settlement = Omit<Result, 'claimed'> & {
  claimed: Pick<ClaimedDelivery, 'delivery_id' | 'fence' | 'distribution_job_id' | 'attempt_id'>;
};

/** In one statement. Returns the deliveries whose lease was still held; the others are unchanged. */
export async function recordOutcomes(
  statements: TenantStatements,
  results: readonly Settlement[],
  { actor, deadLetterDays, madeBy }: { actor: string; deadLetterDays: number; madeBy?: Maker },
): Promise<Set<DeliveryId>> {
  const accepted = await statements.query<{ delivery_id: DeliveryId }>(RECORD_OUTCOMES, [
    statements.tenantId,
    ...columns(results, RESULT_COLUMNS),
    ...columns(results, [{ jsonb: (result: Settlement) => metadataOf(result, madeBy) }]),
    ...columns(results.flatMap(logRows), LOG_COLUMNS),
    actor,
    deadLetterDays,
  ]);
  return new Set(accepted.map(({ delivery_id }) => delivery_id));
}

/** What the receiver answered cannot be stored; that the attempt was made must be. */
function stripResponse(result: Result): void {
  result.response = undefined;
  result.log = [{ level: 'warn', message: 'the answer could not be stored and was left out' }];
}

/** The word for a decision in history and metrics. */
export const RESULTS: Record<Decision['kind'], string> = {
  succeed: 'success',
  retry: 'retry',
  fail: 'failed',
  cancel: 'cancelled',
};

/**
 * Who made the attempt, and how much went over the wire; `exhausted` = given up after the last one allowed;
 * `retry_after_seconds` = what the receiver asked for.
 */
const metadataOf = ({ bytesSent, decision, startedAt }: Settlement, madeBy: Maker | undefined): string => {
  const sent = startedAt !== undefined;
  return JSON.stringify({
    bytes_sent: sent ? bytesSent : undefined,
    processing_node: sent ? madeBy?.node : undefined,
    worker_version: sent ? madeBy?.version : undefined,
    exhausted: decision.kind === 'fail' && decision.exhausted ? true : undefined,
    retry_after_seconds: decision.kind === 'retry' ? decision.retryAfterSeconds : undefined,
  });
};

/** In the order of RECORD_OUTCOMES' `outcome` input. */
const RESULT_COLUMNS: Column<Settlement>[] = [
  ({ claimed }) => claimed.delivery_id,
  ({ claimed }) => claimed.fence,
  ({ claimed }) => claimed.distribution_job_id,
  ({ claimed }) => claimed.attempt_id,
  ({ decision }) => RESULTS[decision.kind],
  ({ startedAt }) => startedAt ?? null,
  ({ completedAt }) => completedAt,
  ({ response }) => response?.statusCode ?? null,
  { text: ({ response }) => response?.body ?? null },
  ({ decision }) => ('code' in decision ? decision.code : null),
  ({ decision }) => ('message' in decision ? decision.message : null),
  ({ decision }) => ('afterSeconds' in decision ? decision.afterSeconds : null),
  // Of the next attempt, or of the dead letter.
  ({ decision }) =>
    decision.kind === 'retry' || decision.kind === 'fail' ? newId<AttemptId | DeadLetterId>() : null,
];

interface LogRow {
  attemptId: AttemptId;
  lineNumber: number;
  line: LogLine;
}

const logRows = ({ claimed, log }: Settlement): LogRow[] =>
  log.map((line, lineNumber) => ({ attemptId: claimed.attempt_id, lineNumber, line }));

const LOG_COLUMNS: Column<LogRow>[] = [
  ({ attemptId }) => attemptId,
  ({ lineNumber }) => lineNumber,
  ({ line }) => line.level,
  ({ line }) => line.message,
];
