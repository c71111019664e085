import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { conflict, notFound } from '../kernel/errors';
import { type ErasureId, type JobId, newId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { erasureSubjectPlace } from '../kernel/places';
import { type DueLane } from '../kernel/priority';
import { type SecretBox } from '../kernel/secret-box';
import { about, audit } from '../tenants/audit';
import { type Caller } from '../tenants/scopes';
import { countJobs, countOtherRows, eraseJobs, eraseOtherRows } from './erasing';
import {
  CLOSE_TENANT,
  ERASE_TENANT_ROW,
  ERASURE_BY_ID,
  INSERT_ERASURE,
  LATEST_ERASURES,
  LOCK_TENANT,
  RECORD_ERASURE_STEP,
  ROWS_OF_PAST_JOBS,
  ROWS_OF_TENANT,
  RUNNING_ERASURE,
  TENANT_STATE,
  type TableCounts,
  TAKE_ERASURE,
} from './erasures.sql';
import { BEFORE_ALL_JOBS, nextJobs } from './jobs';
import { parseSubjectPath, type Subject, subjectHash, subjectPathText } from './subject';

/** The erasure of a tenant (`subject_path` null) or of one data subject of it. */
export type ErasureRow = {
  id: ErasureId;
  tenant_id: TenantId;
  subject_path: string | null;
  /** Keyed, in hex: the same for the same subject of the tenant. */
  subject_hash: string | null;
  dry_run: boolean;
  status: 'running' | 'completed';
  /** Jobs. */
  examined: number;
  /** Jobs that could not be searched: their payload is encrypted with a key that is gone. */
  unreadable: number;
  /** Jobs of which something is being sent; they are erased when that has ended. */
  waiting: number;
  /** Rows by table: erased, or to be erased where it is a dry run. */
  counts: TableCounts;
  created_by: string;
  created_at: Date;
  completed_at: Date | null;
};

/** Without a subject the whole tenant. */
export interface ErasureOrder {
  subject: Subject | undefined;
  dryRun: boolean;
}

export interface ErasureParts {
  tenants: TenantTransaction;
  box: SecretBox;
  wake: (lanes: readonly DueLane[]) => void;
  /** The tenant has just been closed: nobody is to be let in from memory. */
  onClose: (tenantId: TenantId) => void;
}

type TakenErasure = ErasureRow & {
  subject_value: string | null;
  position: JobId | null;
  request_id: string | null;
  settled: boolean;
};

interface Step {
  became: 'more' | 'later' | 'over';
  position?: JobId | undefined;
  examined: number;
  unreadable: number;
  waiting: number;
  counts: TableCounts;
  due: readonly DueLane[];
}

const NOTHING: Omit<Step, 'became'> = { examined: 0, unreadable: 0, waiting: 0, counts: {}, due: [] };

/**
 * For so long a process may believe that a tenant that was closed is still open (tenants/tenant-directory.ts), and a
 * request that it let in be on its way to the database. A tenant's erasure does not end before.
 */
const SETTLED_SECONDS = 5;

/** Erasures: each a row that remembers how far it is, worked on in short steps; one at a time for a tenant. */
export class Erasures {
  constructor(private readonly parts: ErasureParts) {}

  /** Begins at once; what one step cannot do is continued by the duty `erasures`. */
  async begin(caller: Caller, tenantId: TenantId, order: ErasureOrder): Promise<ErasureRow> {
    const id = newId<ErasureId>();
    await this.parts.tenants.run(tenantId, async (tx) => {
      await this.close(tx, order);
      await this.insert(tx, id, caller, order);
    });
    if (order.subject === undefined && !order.dryRun) this.parts.onClose(tenantId);
    await this.step(tenantId, id);
    const erasure = await this.find(tenantId, id);
    if (erasure === undefined) throw new Error(`the erasure ${id} is not there`);
    return erasure;
  }

  /** One short transaction: what was erased and how far it came are committed together. */
  async step(tenantId: TenantId, id: ErasureId): Promise<Step['became']> {
    const { became, due } = await this.parts.tenants.run(tenantId, async (tx) => {
      const [erasure] = await tx.query<TakenErasure>(TAKE_ERASURE, [id, SETTLED_SECONDS]);
      if (erasure === undefined) return { became: 'over' as const, due: [] };
      const step = await this.stepOf(tx, erasure);
      const [recorded] = await recordStep(tx, id, step);
      if (step.became === 'over' && recorded !== undefined) {
        if (erasure.subject_path === null && !erasure.dry_run) await tx.query(ERASE_TENANT_ROW, []);
        await audit(tx.manager, completed(recorded, erasure.request_id));
      }
      return step;
    });
    if (due.length > 0) this.parts.wake(due);
    return became;
  }

  async find(tenantId: TenantId, id: ErasureId): Promise<ErasureRow | undefined> {
    const [row] = await this.parts.tenants.run(tenantId, (tx) => tx.query<ErasureRow>(ERASURE_BY_ID, [id]));
    return row;
  }

  /** Undefined where there never was such a tenant. */
  latest(tenantId: TenantId): Promise<ErasureRow[] | undefined> {
    return this.parts.tenants.run(tenantId, async (tx) => {
      const [tenant] = await tx.query(TENANT_STATE, []);
      return tenant === undefined ? undefined : tx.query<ErasureRow>(LATEST_ERASURES, []);
    });
  }

  /** @throws ApiError where the tenant is not there, or not as it has to be. Keeps others from changing it meanwhile. */
  private async close(tx: TenantTx, { subject, dryRun }: ErasureOrder): Promise<void> {
    const [tenant] = await tx.query<{ status: string; erased_at: Date | null }>(LOCK_TENANT, []);
    if (tenant === undefined) throw notFound(`tenant ${tx.tenantId}`);
    if (tenant.erased_at !== null) throw conflict('id', 'the tenant is erased already');
    const [running] = await tx.query<{ id: ErasureId }>(RUNNING_ERASURE, []);
    if (running !== undefined) {
      const where = `/api/v1/tenants/${tx.tenantId}/erasures/${running.id}`;
      throw conflict('erasures', `another erasure of this tenant runs; wait for its end (GET ${where})`);
    }
    if (subject !== undefined || dryRun) return;
    if (tenant.status === 'active') {
      throw conflict(
        'status',
        `the tenant is active; suspend it first (PATCH /api/v1/tenants/${tx.tenantId} {"status": "suspended"})`,
      );
    }
    await tx.query(CLOSE_TENANT, []);
  }

  private async insert(tx: TenantTx, id: ErasureId, caller: Caller, order: ErasureOrder): Promise<void> {
    const { box } = this.parts;
    const { subject, dryRun } = order;
    const sealed = subject && box.seal(JSON.stringify(subject.value), erasureSubjectPlace(tx.tenantId));
    const path = subject && subjectPathText(subject.path);
    const hash = subject && subjectHash(box, tx.tenantId, subject);
    await tx.query(INSERT_ERASURE, [
      id,
      tx.tenantId,
      path ?? null,
      sealed ?? null,
      hash ?? null,
      dryRun,
      caller.actor,
      caller.requestId ?? null,
    ]);
    await audit(tx.manager, {
      ...about(caller, 'tenant', tx.tenantId, tx.tenantId),
      action: 'erase',
      details: detailsOf(id, path ?? null, hash?.toString('hex') ?? null, dryRun),
    });
  }

  private async stepOf(tx: TenantTx, erasure: TakenErasure): Promise<Step> {
    const { box } = this.parts;
    const after = erasure.position ?? BEFORE_ALL_JOBS;
    const { ids, matched, unreadable } = await nextJobs(tx, box, after, subjectOf(box, erasure));
    if (ids.length === 0) return otherRowsStep(tx, erasure);
    const page = { position: ids.at(-1), examined: ids.length, unreadable: unreadable.length, waiting: 0 };
    if (erasure.dry_run) return { ...page, became: 'more', counts: await countJobs(tx, matched), due: [] };
    const { busy, counts, due } = await eraseJobs(tx, matched, erasure.created_by);
    if (busy.size === 0) return { ...page, became: 'more', counts, due };
    // The next step begins with the first that has to wait; what was erased behind it is not seen again.
    const first = ids.findIndex((id) => busy.has(id));
    const isDone = (id: JobId): boolean => ids.indexOf(id) < first;
    const erasedBehind = matched.filter((id) => !busy.has(id) && !isDone(id));
    return {
      became: 'later',
      position: ids[first - 1],
      examined: first + erasedBehind.length,
      unreadable: unreadable.filter(isDone).length,
      waiting: busy.size,
      counts,
      due,
    };
  }
}

const over = (counts: TableCounts = {}): Step => ({ ...NOTHING, became: 'over', counts });

async function otherRowsStep(tx: TenantTx, erasure: TakenErasure): Promise<Step> {
  const ofTenant = erasure.subject_path === null;
  const rows = ofTenant ? ROWS_OF_TENANT : ROWS_OF_PAST_JOBS;
  if (erasure.dry_run) return over(await countOtherRows(tx, rows));
  const counts = await eraseOtherRows(tx, rows);
  if (Object.keys(counts).length > 0) return { ...NOTHING, became: 'more', counts };
  return erasure.settled || !ofTenant ? over() : { ...NOTHING, became: 'later' };
}

function subjectOf(box: SecretBox, erasure: TakenErasure): Subject | undefined {
  if (erasure.subject_path === null || erasure.subject_value === null) return undefined;
  const path = parseSubjectPath(erasure.subject_path);
  if (path === undefined) throw new Error(`the erasure ${erasure.id} has a path that is none`);
  const value = box.open(erasure.subject_value, erasureSubjectPlace(erasure.tenant_id));
  return { path, value: JSON.parse(value) as Subject['value'] };
}

const recordStep = (tx: TenantTx, id: ErasureId, step: Step): Promise<ErasureRow[]> =>
  tx.query<ErasureRow>(RECORD_ERASURE_STEP, [
    id,
    step.position ?? null,
    step.examined,
    step.unreadable,
    step.waiting,
    JSON.stringify(step.counts),
    step.became === 'over',
  ]);

/** Of the subject the log has the keyed hash of the value, never the value. */
const detailsOf = (id: ErasureId, path: string | null, hash: string | null, dryRun: boolean): JsonObject => ({
  erasure_id: id,
  subject: path === null ? null : { path, value_hash: hash },
  dry_run: dryRun,
});

const completed = (erasure: ErasureRow, requestId: string | null) =>
  ({
    tenantId: erasure.tenant_id,
    actor: erasure.created_by,
    requestId: requestId ?? undefined,
    action: 'erased',
    resourceType: 'tenant',
    resourceId: erasure.tenant_id,
    details: {
      ...detailsOf(erasure.id, erasure.subject_path, erasure.subject_hash, erasure.dry_run),
      examined: erasure.examined,
      unreadable: erasure.unreadable,
      counts: erasure.counts,
    },
  }) as const;
