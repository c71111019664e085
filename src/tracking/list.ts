import { type Condition, dateOf, whereOf } from '../database/conditions';
import { type ReadTransaction } from '../database/read-transaction';
import { pageOf } from '../kernel/cursor';
import { type TenantId } from '../kernel/ids';
import { EFFECTIVE_STATUS, JOB_COLUMNS, type JobRow } from './rows';

/** Which jobs: of the list, and of a bulk replay. */
export interface JobFilter {
  status?: JobRow['status'] | undefined;
  data_type?: string | undefined;
  priority?: string | undefined;
  destination?: string | undefined;
  from_date?: string | undefined;
  to_date?: string | undefined;
  /** A part of distribution_id, data_type or error_message. */
  q?: string | undefined;
  batch_id?: string | undefined;
}

export interface ListFilter extends JobFilter {
  limit: number;
  offset: number;
  /** Id of the last job of the page before; deeper pages cost no more than the first. */
  cursor?: string | undefined;
}

export interface JobPage {
  jobs: JobRow[];
  nextCursor: string | null;
}

export class JobList {
  constructor(private readonly reads: ReadTransaction) {}

  /** Newest first. Ids sort by time, so the primary key serves both the order and the cursor. */
  async page(tenantId: TenantId, filter: ListFilter): Promise<JobPage> {
    const conditions: Condition[] = [...jobConditions(filter), [filter.cursor, 'j.id < ?::uuid']];
    const { where, values } = whereOf(conditions, 3);
    const rows = await this.reads.run(tenantId, ({ manager }) =>
      manager.query<JobRow[]>(
        `SELECT ${JOB_COLUMNS} FROM distribution_jobs j WHERE ${where}
         ORDER BY j.id DESC LIMIT $1 OFFSET $2`,
        [filter.limit + 1, filter.offset, ...values],
      ),
    );
    const { page: jobs, nextCursor } = pageOf(rows, filter.limit);
    return { jobs, nextCursor };
  }
}

export function jobConditions(filter: JobFilter): Condition[] {
  return [
    [filter.status, statusCondition(filter.status)],
    [filter.data_type, 'j.data_type = ?'],
    [filter.priority, 'j.priority = ?'],
    [filter.destination, "j.destinations @> jsonb_build_array(jsonb_build_object('name', ?::text))"],
    [dateOf(filter.from_date), 'j.created_at >= ?::timestamptz'],
    [dateOf(filter.to_date), 'j.created_at <= ?::timestamptz'],
    [
      filter.q,
      "strpos(lower(concat_ws(' ', j.distribution_id, j.data_type, j.error_message)), lower(?::text)) > 0",
    ],
    [filter.batch_id, 'j.batch_id = ?::uuid'],
  ];
}

/**
 * Each status by the index that finds it: open jobs are few and in the ready table, failed and cancelled ones have
 * an event, the completed ones are nearly all there are.
 */
function statusCondition(status: JobRow['status'] | undefined): string {
  switch (status) {
    case 'pending':
    case 'processing':
      return `j.id IN (SELECT distribution_job_id FROM ready_attempts) AND ${EFFECTIVE_STATUS} = ?`;
    case 'failed':
    case 'cancelled':
      return `j.id IN (SELECT distribution_job_id FROM distribution_job_events WHERE to_status = ?) AND j.status = ?`;
    case 'completed':
    case undefined:
      return 'j.status = ?';
  }
}
