import { type SystemTransaction } from '../database/system-transaction';
import { type ApiKeyId, type TenantId } from '../kernel/ids';
import { type Limit } from './bucket';

/** Which bucket: the tenant's submissions, or the requests of one of its keys. */
export interface BucketId {
  tenantId: TenantId;
  keyId?: ApiKeyId;
}

/** One visit to a bucket (migration 0011 says what each figure does). */
export interface Visit {
  returned: number;
  first: number;
  wanted: number;
  ahead: number;
}

/** What the visit brought, and the bucket as it was left. */
export interface Lease extends Limit {
  granted: number;
  tokens: number;
}

/** Undefined where there is no such tenant or key. */
export type LeaseTokens = (bucket: BucketId, visit: Visit) => Promise<Lease | undefined>;

type LeaseRow = {
  granted: number;
  tokens: number;
  requests: number;
  window_seconds: number;
  capacity: number;
};

const LEASE = {
  name: 'lease_tokens',
  text: `SELECT granted, tokens, requests, window_seconds, capacity FROM lease_tokens($1, $2, $3, $4, $5, $6, $7)`,
};

/** A round trip of its own and short, so that the bucket's lock is; `keyRequests` is for keys without a limit. */
export const leaseFrom =
  (system: SystemTransaction, keyRequests: number): LeaseTokens =>
  async ({ tenantId, keyId }, { returned, first, wanted, ahead }) => {
    const values = [tenantId, keyId ?? null, keyRequests, returned, first, wanted, ahead];
    const [row] = await system.query<LeaseRow>(LEASE, values);
    if (row === undefined) return undefined;
    const { granted, tokens, requests, window_seconds, capacity } = row;
    return { granted, tokens, requests, windowSeconds: window_seconds, capacity };
  };
