import { type TenantTransaction } from '../database/tenant-transaction';
import { type JobId, isUuid, type TenantId } from '../kernel/ids';
import { EFFECTIVE_STATUS, JOB_COLUMNS, type JobRow } from './rows';

export interface ListFilter {
  status?: JobRow['status'] | undefined;
  data_type?: string | undefined;
  priority?: string | undefined;
  destination?: string | undefined;
  from_date?: string | undefined;
  to_date?: string | undefined;
  /** A part of distribution_id, data_type or error_message. */
  q?: string | undefined;
  limit: number;
  offset: number;
  /** Where the page before ended; deeper pages cost no more than the first. */
  cursor?: string | undefined;
}

export interface JobPage {
  jobs: JobRow[];
  nextCursor: string | undefined;
}

/** A cursor is the id of the last job of a page, made opaque so that nobody builds on it. */
const toCursor = (id: JobId): string => Buffer.from(id).toString('base64url');

/** Undefined for a text that is no cursor of ours. */
export function fromCursor(cursor: string): JobId | undefined {
  const id = Buffer.from(cursor, 'base64url').toString();
  return isUuid(id) ? (id as JobId) : undefined;
}

type Condition = [sql: string, value: unknown];

export class JobList {
  constructor(private readonly tenants: TenantTransaction) {}

  /** Newest first. Ids sort by time, so the primary key serves both the order and the cursor. */
  async page(tenantId: TenantId, filter: ListFilter): Promise<JobPage> {
    const conditions = conditionsOf(filter);
    const where = conditions.map(([sql], index) => sql.replaceAll('?', `$${index + 3}`)).join(' AND ');
    const jobs = await this.tenants.run(tenantId, ({ manager }) =>
      manager.query<JobRow[]>(
        `SELECT ${JOB_COLUMNS} FROM distribution_jobs j ${where === '' ? '' : `WHERE ${where}`}
         ORDER BY j.id DESC LIMIT $1 OFFSET $2`,
        [filter.limit + 1, filter.offset, ...conditions.map(([, value]) => value)],
      ),
    );
    const page = jobs.slice(0, filter.limit);
    const last = page.at(-1);
    const more = jobs.length > filter.limit && last !== undefined;
    return { jobs: page, nextCursor: more ? toCursor(last.id) : undefined };
  }
}

function conditionsOf(filter: ListFilter): Condition[] {
  const cursor = filter.cursor === undefined ? undefined : fromCursor(filter.cursor);
  const wanted: [unknown, string, unknown?][] = [
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
    [cursor, 'j.id < ?::uuid'],
  ];
  return wanted.filter(([value]) => value !== undefined).map(([value, sql]) => [sql, value]);
}

/** PostgreSQL has no year 0000 as RFC 3339 has; the driver writes it as 1 BC. */
const dateOf = (text: string | undefined): Date | undefined =>
  text === undefined ? undefined : new Date(text);

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
