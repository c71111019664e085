import { uuidv7 } from 'uuidv7';
import { type EntityManager } from 'typeorm';
import { type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { AuditEntry } from './entities';
import { type Caller } from './scopes';

/** What was done to what; `details` holds before and after, secrets masked. */
export interface AuditRecord {
  tenantId: TenantId | null;
  actor: string;
  requestId: string | undefined;
  action:
    | 'create'
    | 'update'
    | 'delete'
    | 'revoke'
    | 'rotate'
    | 'enable'
    | 'disable'
    | 'sign_in'
    | 'test'
    | 'reset_breaker'
    | 'replay'
    | 'replay_callbacks'
    | 'redrive'
    | 'discard'
    | 'cancel'
    | 'erase'
    | 'erased'
    | 'export';
  resourceType:
    | 'tenant'
    | 'user'
    | 'api_key'
    | 'signing_secret'
    | 'destination'
    | 'rule'
    | 'data_type'
    | 'transform'
    | 'distribution'
    | 'batch'
    | 'bulk_operation'
    | 'sql_client';
  resourceId: string;
  details?: JsonObject;
}

type About = Pick<AuditRecord, 'tenantId' | 'actor' | 'requestId' | 'resourceType' | 'resourceId'>;

/** Who did it, and to what; it stands in the log of `owner`, null for the platform's. */
export const about = (
  { tenantId, actor, requestId }: Caller,
  resourceType: AuditRecord['resourceType'],
  resourceId: string,
  owner: TenantId | null = tenantId ?? null,
): About => ({ tenantId: owner, actor, requestId, resourceType, resourceId });

/** In the transaction of the change itself: no change without its entry, no entry without its change. */
export async function audit(manager: EntityManager, record: AuditRecord): Promise<void> {
  await manager.insert(AuditEntry, {
    id: uuidv7(),
    tenant_id: record.tenantId,
    actor: record.actor,
    action: record.action,
    resource_type: record.resourceType,
    resource_id: record.resourceId,
    details: record.details ?? {},
    request_id: record.requestId ?? null,
  });
}
