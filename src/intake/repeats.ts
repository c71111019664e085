import { type TenantStatements } from '../database/tenant-transaction';
import { type BatchId, type JobId } from '../kernel/ids';
import { FIND_TAKEN } from './accept.sql';

/** What the submitter learns of an accepted job; the same again for a repeat. */
export interface Receipt {
  distributionId: string;
  acceptedAt: Date;
  deliverAt: Date | null;
  destinationsCount: number;
  callbackRegistered: boolean;
}

export interface Repeat {
  kind: 'replayed';
  receipt: Receipt;
  jobId: JobId;
  /** In which it came the first time. */
  batchId: BatchId | null;
}

/** By what a submission is recognised when it comes again; a submission without any name never is. */
export interface SubmissionNames {
  id: JobId;
  distributionId: string | undefined;
  idempotencyKey: string | undefined;
  requestHash: Buffer | undefined;
}

export const isNamed = ({ requestHash }: SubmissionNames): boolean => requestHash !== undefined;

export type TakenRow = {
  id: JobId;
  existing_id: JobId;
  batch_id: BatchId | null;
  by_key: boolean;
  request_hash: Buffer | null;
  distribution_id: string;
  created_at: Date;
  deliver_at: Date | null;
  destinations_count: number;
  callback_registered: boolean;
};

/** The jobs that have these names already, by the id of who asks. */
export async function findTaken(
  tx: TenantStatements,
  named: readonly Omit<SubmissionNames, 'requestHash'>[],
): Promise<Map<JobId, TakenRow>> {
  const rows = await tx.query<TakenRow>(FIND_TAKEN, [
    named.map(({ id }) => id),
    named.map(({ distributionId }) => distributionId ?? null),
    named.map(({ idempotencyKey }) => idempotencyKey ?? null),
  ]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** In the order of the submissions; undefined for one that was never accepted with this body. */
export async function findRepeats(
  tx: TenantStatements,
  named: readonly SubmissionNames[],
): Promise<(Repeat | undefined)[]> {
  const taken = await findTaken(tx, named);
  return named.map(({ id, requestHash }) => repeatOf(requestHash, taken.get(id)));
}

export function repeatOf(requestHash: Buffer | undefined, taken: TakenRow | undefined): Repeat | undefined {
  if (taken?.request_hash == null || requestHash?.equals(taken.request_hash) !== true) return undefined;
  return {
    kind: 'replayed',
    jobId: taken.existing_id,
    batchId: taken.batch_id,
    receipt: {
      distributionId: taken.distribution_id,
      acceptedAt: taken.created_at,
      deliverAt: taken.deliver_at,
      destinationsCount: taken.destinations_count,
      callbackRegistered: taken.callback_registered,
    },
  };
}
