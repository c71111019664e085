import { type Condition, dateOf, whereOf } from '../database/conditions';
import { type ReadTransaction } from '../database/read-transaction';
import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { pageOf } from '../kernel/cursor';
import { type AttemptId, type DeadLetterId, type DeliveryId, type JobId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { attemptsOf, type AttemptRow } from '../tracking/rows';
import { type LogRow, logsOf } from '../tracking/tracking';

/** A delivery that ended as failed, once for each time that it did. */
export type DeadLetterRow = {
  id: DeadLetterId;
  distribution_job_id: JobId;
  distribution_id: string;
  delivery_id: DeliveryId;
  attempt_id: AttemptId;
  destination_id: string | null;
  destination_name: string;
  data_type: string;
  error_code: string;
  error_message: string;
  attempts: number;
  status: 'dead' | 'redriven' | 'discarded';
  reason: string | null;
  resolved_by: string | null;
  resolved_at: Date | null;
  died_at: Date;
  expires_at: Date;
};

/** Which dead letters: of the list, of a redrive, of a discard. */
export interface DeadLetterFilter {
  destination?: string | undefined;
  data_type?: string | undefined;
  error_code?: string | undefined;
  distribution_id?: string | undefined;
  from_date?: string | undefined;
  to_date?: string | undefined;
}

export interface DeadLetterPageFilter extends DeadLetterFilter {
  status: DeadLetterRow['status'];
  limit: number;
  /** Id of the last one of the page before. */
  cursor?: string | undefined;
}

export interface DeadLetterDetail {
  letter: DeadLetterRow;
  attempts: AttemptRow[];
  logs: LogRow[];
  /** Undefined where the job has left the history, or its payload is encrypted at rest. */
  payload: JsonObject | undefined;
}

const COLUMNS = `l.id, l.distribution_job_id, l.distribution_id, l.delivery_id, l.attempt_id, l.destination_id,
  l.destination_name, l.data_type, l.error_code, l.error_message, l.attempts, l.status, l.reason, l.resolved_by,
  l.resolved_at, l.died_at, l.expires_at`;

const LETTER_BY_ID = {
  name: 'dead_letter_by_id',
  text: `SELECT ${COLUMNS} FROM dead_letters l WHERE l.id = $1`,
};

const PAYLOAD = {
  name: 'payload_of_job',
  text: `
    SELECT payload FROM distribution_jobs
    WHERE id = $1 AND (options -> 'encryption_required') IS DISTINCT FROM 'true'`,
};

export class DeadLetters {
  constructor(
    private readonly tenants: TenantTransaction,
    private readonly reads: ReadTransaction,
  ) {}

  /** The latest ones first. */
  async page(
    tenantId: TenantId,
    { status, limit, cursor, ...filter }: DeadLetterPageFilter,
  ): Promise<{ letters: DeadLetterRow[]; nextCursor: string | null }> {
    const conditions: Condition[] = [
      [status, 'l.status = ?'],
      [cursor, 'l.id < ?::uuid'],
    ];
    const { where, values } = whereOf([...conditions, ...letterConditions(filter)], 2);
    const found = await this.reads.run(tenantId, ({ manager }) =>
      manager.query<DeadLetterRow[]>(
        `SELECT ${COLUMNS} FROM dead_letters l WHERE ${where} ORDER BY l.id DESC LIMIT $1`,
        [limit + 1, ...values],
      ),
    );
    const { page: letters, nextCursor } = pageOf(found, limit);
    return { letters, nextCursor };
  }

  inspect(tenantId: TenantId, id: DeadLetterId): Promise<DeadLetterDetail | undefined> {
    return this.tenants.run(tenantId, async (tx) => {
      const [letter] = await tx.query<DeadLetterRow>(LETTER_BY_ID, [id]);
      return letter === undefined ? undefined : { letter, ...(await historyOf(tx, letter)) };
    });
  }
}

async function historyOf(tx: TenantTx, letter: DeadLetterRow): Promise<Omit<DeadLetterDetail, 'letter'>> {
  const { distribution_job_id: jobId, delivery_id } = letter;
  const attempts = (await attemptsOf(tx, jobId)).filter((attempt) => attempt.delivery_id === delivery_id);
  const [job] = await tx.query<{ payload: JsonObject }>(PAYLOAD, [jobId]);
  return { attempts, logs: await logsOf(tx, jobId), payload: job?.payload };
}

export const letterConditions = (filter: DeadLetterFilter): Condition[] => [
  [filter.destination, 'l.destination_name = ?'],
  [filter.data_type, 'l.data_type = ?'],
  [filter.error_code, 'l.error_code = ?'],
  [filter.distribution_id, 'l.distribution_id = ?'],
  [dateOf(filter.from_date), 'l.died_at >= ?::timestamptz'],
  [dateOf(filter.to_date), 'l.died_at <= ?::timestamptz'],
];
