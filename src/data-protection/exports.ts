import { Readable } from 'node:stream';
import { type TenantTransaction } from '../database/tenant-transaction';
import { ApiError, notFound } from '../kernel/errors';
import { type JobId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type SecretBox } from '../kernel/secret-box';
import { about, audit } from '../tenants/audit';
import { type Caller } from '../tenants/scopes';
import {
  EXPORT_JOBS,
  type RecordPages,
  RECORDS_AFTER_JOBS,
  RECORDS_BEFORE_JOBS,
  RECORDS_OF_JOBS,
  RECORDS_OF_SUBJECT,
  type RecordRow,
  type RecordType,
  ROWS_AT_ONCE,
} from './export.sql';
import { BEFORE_ALL_JOBS, nextJobs, readable } from './jobs';
import { type Subject, subjectHash, subjectPathText } from './subject';

export interface ExportParts {
  tenants: TenantTransaction;
  box: SecretBox;
  /** An export that could not be ended: its stream breaks off. */
  onFault: (error: unknown, tenantId: TenantId) => void;
}

type JobRow = { record: string; payload: string; options: JsonObject; tenant_id: TenantId };
type Counts = Partial<Record<RecordType, number>>;

const SEALED = /v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]{22,}/g;
const BUSY_SECONDS = 30;

/**
 * Exports as NDJSON: `export`, records, `end` with the number of each kind, so that one that broke off is seen. A page
 * is read in a transaction of its own when the reader has taken the one before: memory stays small, and no transaction
 * is open while somebody reads slowly.
 */
export class Exports {
  private readonly running = new Map<TenantId, Readable>();
  private stopped = false;

  constructor(private readonly parts: ExportParts) {}

  /**
   * Without a subject everything of the tenant.
   *
   * @throws ApiError where there is no such tenant, or this process is at an export of it already.
   */
  async begin(caller: Caller, tenantId: TenantId, subject: Subject | undefined): Promise<Readable> {
    await this.parts.tenants.run(tenantId, async ({ manager, tenantId: id }) => {
      const [tenant] = await manager.query<object[]>('SELECT FROM tenants');
      if (tenant === undefined) throw notFound(`tenant ${id}`);
      if (this.running.has(id)) throw busy();
      await audit(manager, {
        ...about(caller, 'tenant', tenantId, tenantId),
        action: 'export',
        details: { subject: subject === undefined ? null : this.named(tenantId, subject) },
      });
    });
    if (this.running.has(tenantId)) throw busy();
    if (this.stopped) throw new ApiError('SERVICE_UNAVAILABLE', 'the service is stopping', [], 5);
    const lines = Readable.from(this.lines(tenantId, subject), { objectMode: false, highWaterMark: 1 });
    this.running.set(tenantId, lines);
    return lines.once('close', () => this.running.delete(tenantId));
  }

  /** What runs breaks off, without its last line. */
  stop(): void {
    this.stopped = true;
    for (const lines of this.running.values()) lines.destroy();
  }

  private named(tenantId: TenantId, subject: Subject): JsonObject {
    const hash = subjectHash(this.parts.box, tenantId, subject).toString('hex');
    return { path: subjectPathText(subject.path), value_hash: hash };
  }

  private async *lines(tenantId: TenantId, subject: Subject | undefined): AsyncGenerator<string> {
    const counts: Counts = {};
    const about =
      subject === undefined ? null : { path: subjectPathText(subject.path), value: subject.value };
    try {
      yield line('export', { tenant_id: tenantId, exported_at: new Date(), subject: about });
      if (subject === undefined) yield* this.all(tenantId, RECORDS_BEFORE_JOBS, tenantId, counts);
      yield* this.jobs(tenantId, subject, counts);
      if (subject === undefined) yield* this.all(tenantId, RECORDS_AFTER_JOBS, tenantId, counts);
      yield line('end', { counts });
    } catch (error) {
      this.parts.onFault(error, tenantId);
      throw error;
    }
  }

  private async *jobs(
    tenantId: TenantId,
    subject: Subject | undefined,
    counts: Counts,
  ): AsyncGenerator<string> {
    const { tenants, box } = this.parts;
    for (let after: JobId | undefined = BEFORE_ALL_JOBS; after !== undefined;) {
      const from: JobId = after;
      const { ids, matched } = await tenants.run(tenantId, (tx) => nextJobs(tx, box, from, subject));
      after = ids.at(-1);
      if (matched.length === 0) continue;
      const rows = await tenants.run(tenantId, (tx) => tx.query<JobRow>(EXPORT_JOBS, [matched]));
      yield recordLines('job', rows.map(this.jobRecord), counts);
      yield* this.all(
        tenantId,
        subject === undefined ? RECORDS_OF_JOBS : RECORDS_OF_SUBJECT,
        matched,
        counts,
      );
    }
  }

  /** With its payload as it was submitted; null where the key that it was sealed with is gone. */
  private readonly jobRecord = ({ record, ...stored }: JobRow): string =>
    `${masked(record).slice(0, -1)}, "payload": ${readable(this.parts.box, stored) ?? 'null'}}`;

  /** Every record of these kinds. */
  private async *all(
    tenantId: TenantId,
    kinds: readonly RecordPages[],
    whose: TenantId | readonly JobId[],
    counts: Counts,
  ): AsyncGenerator<string> {
    for (const { type, start, page } of kinds) {
      for (let after: string[] | undefined = start; after !== undefined;) {
        const from: string[] = after;
        const rows: RecordRow[] = await this.parts.tenants.run(tenantId, (tx) =>
          tx.query<RecordRow>(page, [whose, from]),
        );
        after = rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1)?.key;
        if (rows.length > 0) {
          yield recordLines(
            type,
            rows.map(({ record }) => masked(record)),
            counts,
          );
        }
      }
    }
  }
}

const masked = (record: string): string => record.replace(SEALED, '********');

const line = (type: 'export' | 'end', content: object): string => `${JSON.stringify({ type, ...content })}\n`;

/** Records are the texts of JSON objects, with one field at least. */
function recordLines(type: RecordType, records: readonly string[], counts: Counts): string {
  counts[type] = (counts[type] ?? 0) + records.length;
  return records.map((record) => `{"type": "${type}", ${record.slice(1)}\n`).join('');
}

const busy = (): ApiError =>
  new ApiError(
    'RATE_LIMIT_EXCEEDED',
    'an export of this tenant is under way; begin the next one when it has ended',
    [],
    BUSY_SECONDS,
  );
