import { type Condition, dateOf, whereOf } from '../database/conditions';
import { type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { VERIFY_AUDIT_CHAINS } from './audit-chain.sql';
import { type ConfigurationTransaction } from './configuration-transaction';
import { type Caller } from './scopes';

export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  resource_type?: string | undefined;
  resource_id?: string | undefined;
  from_date?: string | undefined;
  to_date?: string | undefined;
  limit: number;
  /** The sequence number that the page before ended with. */
  cursor?: number | undefined;
}

export interface AuditEntryView {
  id: string;
  /** Counts the entries of this tenant from 1, without a gap. */
  sequence: number;
  actor: string;
  action: string;
  resource_type: string;
  resource_id: string;
  details: JsonObject;
  request_id: string | null;
  created_at: Date;
  /** SHA-256 over this entry and the hash before it, in hex. */
  hash: string;
}

/** What a look at every entry of a chain found. `first_broken` is the sequence number of the first that does not fit. */
export type ChainState = {
  tenant_id: TenantId | null;
  entries: number;
  head: string | null;
  first_broken: number | null;
};

/** Reading the audit log: a tenant its own entries, the platform (no tenant named) the platform's. */
export class AuditTrail {
  constructor(private readonly transactions: ConfigurationTransaction) {}

  /** Newest first. */
  page(
    caller: Caller,
    filter: AuditFilter,
  ): Promise<{ entries: AuditEntryView[]; nextCursor: number | undefined }> {
    return this.transactions.see(caller, async ({ owner, manager }) => {
      const { where, values } = whereOf(conditionsOf(owner, filter), 2);
      const entries = await manager.query<AuditEntryView[]>(
        `SELECT id, sequence::int AS sequence, actor, action, resource_type, resource_id, details, request_id,
           created_at, encode(hash, 'hex') AS hash
         FROM audit_log WHERE ${owner === null ? 'tenant_id IS NULL AND' : ''} ${where} ORDER BY sequence DESC LIMIT $1`,
        [filter.limit + 1, ...values],
      );
      const page = entries.slice(0, filter.limit);
      return { entries: page, nextCursor: entries.length > filter.limit ? page.at(-1)?.sequence : undefined };
    });
  }

  /** Whether every entry still is what was written, and the head to compare with one noted earlier. */
  verify(caller: Caller): Promise<Omit<ChainState, 'tenant_id'>> {
    return this.transactions.see(caller, async (tx) => {
      const chains = await tx.query<ChainState>(VERIFY_AUDIT_CHAINS, []);
      const own = chains.find(({ tenant_id }) => tenant_id === tx.owner);
      const { entries = 0, head = null, first_broken = null } = own ?? {};
      return { entries, head, first_broken };
    });
  }
}

const conditionsOf = (owner: TenantId | null, filter: AuditFilter): Condition[] => [
  [owner ?? undefined, 'tenant_id = ?'],
  [filter.actor, 'actor = ?'],
  [filter.action, 'action = ?'],
  [filter.resource_type, 'resource_type = ?'],
  [filter.resource_id, 'resource_id = ?'],
  [dateOf(filter.from_date), 'created_at >= ?::timestamptz'],
  [dateOf(filter.to_date), 'created_at <= ?::timestamptz'],
  [filter.cursor, 'sequence < ?'],
];
