import { LOWEST_ID } from '../database/keyset';
import { type TenantTx } from '../database/tenant-transaction';
import { openPayload } from '../delivery/discretion';
import { type JobId } from '../kernel/ids';
import { type Json } from '../kernel/json';
import { type SecretBox } from '../kernel/secret-box';
import { holds, type Subject, type SubjectPath } from './subject';

/** The next handful of a tenant's jobs, in the order of ids, which is that of acceptance. */
export interface JobPage {
  /** Looked at. */
  ids: JobId[];
  /** Of these, the ones that are about the subject; all of them where none is named. */
  matched: JobId[];
  /** Of these, the ones that could not be searched: encrypted with a key that is gone. */
  unreadable: JobId[];
}

const MOST_JOBS = 200;
/** As stored. What a step reads stays within this, one larger job aside. */
const MOST_BYTES = 4 * 1024 * 1024;
export const BEFORE_ALL_JOBS = LOWEST_ID as JobId;

type Listed = { id: JobId; bytes: number };

const PAGE = {
  name: 'page_of_jobs',
  text: `
    SELECT id, pg_column_size(payload) + pg_column_size(metadata) AS bytes
    FROM distribution_jobs WHERE id > $1 ORDER BY id LIMIT ${MOST_JOBS}`,
};

/**
 * Of a page the jobs worth a closer look: those that have the value anywhere, and those whose payload is encrypted. Where
 * it stands is looked at here in the process, in one way for both.
 */
const candidates = (column: SubjectPath['column']) => ({
  name: `candidates_by_${column}`,
  text: `
    SELECT id, tenant_id, options, ${column}::text AS document FROM distribution_jobs
    WHERE id = ANY ($1::uuid[]) AND (
      ${column === 'payload' ? `options -> 'encryption_required' = 'true' OR` : ''}
      jsonb_path_exists(${column}, '$.** ? (@ == $value)', $2::jsonb))
    ORDER BY id`,
});
const CANDIDATES = { payload: candidates('payload'), metadata: candidates('metadata') };

type StoredPayload = Parameters<typeof openPayload>[1];
type CandidateRow = Omit<StoredPayload, 'payload'> & { id: JobId; document: string };

export async function nextJobs(
  tx: TenantTx,
  box: SecretBox,
  after: JobId,
  subject: Subject | undefined,
): Promise<JobPage> {
  const ids = firstOf(await tx.query<Listed>(PAGE, [after]));
  if (subject === undefined || ids.length === 0) return { ids, matched: ids, unreadable: [] };
  const { column, keys } = subject.path;
  const value = JSON.stringify({ value: subject.value });
  const rows = await tx.query<CandidateRow>(CANDIDATES[column], [ids, value]);
  const read = rows.map(({ document, ...row }) => ({
    id: row.id,
    text: column === 'payload' ? readable(box, { ...row, payload: document }) : document,
  }));
  const found = read.filter(
    ({ text }) => text !== undefined && holds(JSON.parse(text) as Json, keys, subject.value),
  );
  return {
    ids,
    matched: found.map(({ id }) => id),
    unreadable: read.filter(({ text }) => text === undefined).map(({ id }) => id),
  };
}

/** The payload as it was submitted; undefined where the key that it was sealed with is gone. */
export function readable(box: SecretBox, stored: StoredPayload): string | undefined {
  try {
    return openPayload(box, stored);
  } catch {
    return undefined;
  }
}

/** As many as are not too large together, and one at least. */
function firstOf(listed: readonly Listed[]): JobId[] {
  let bytes = 0;
  return listed.filter((job, index) => (bytes += job.bytes) <= MOST_BYTES || index === 0).map(({ id }) => id);
}
