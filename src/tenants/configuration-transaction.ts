import { type QueryResultRow } from 'pg';
import { type EntityManager } from 'typeorm';
import { type Statement } from '../database/statement';
import { type SystemTransaction } from '../database/system-transaction';
import { type TenantTransaction } from '../database/tenant-transaction';
import { ApiError, invalid } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { type Caller, may } from './scopes';

/** Whose a rule or data type is: a tenant's, or (null) the platform's, in force for every tenant. */
export type Owner = TenantId | null;

/** An open transaction on the configuration of one owner. */
export interface ConfigurationTx {
  readonly owner: Owner;
  readonly manager: EntityManager;
  query<Row extends QueryResultRow>(statement: Statement, values: unknown[]): Promise<Row[]>;
}

/**
 * Administration of what a tenant or the platform may own. A tenant's rows are reached in the tenant's session. The
 * platform's rows can be written by the system role only, which sees every tenant: queries name their owner.
 */
export class ConfigurationTransaction {
  constructor(
    private readonly tenants: TenantTransaction,
    private readonly system: SystemTransaction,
  ) {}

  async run<T>(caller: Caller, owner: Owner, work: (tx: ConfigurationTx) => Promise<T>): Promise<T> {
    if (owner === null) {
      assertPlatform(caller);
      return this.system.run((tx) => work({ ...tx, owner }));
    }
    if (owner !== caller.tenantId) throw new Error('the configuration of another tenant was asked for');
    return this.tenants.run(owner, (tx) => work({ ...tx, owner }));
  }

  /** Whatever the caller sees: a tenant its own rows and the platform's, the platform alone its own. */
  async see<T>(caller: Caller, work: (tx: ConfigurationTx) => Promise<T>): Promise<T> {
    return this.run(caller, caller.tenantId ?? null, work);
  }
}

function assertPlatform(caller: Caller): void {
  if (may(caller, 'platform:admin')) return;
  throw new ApiError(
    'AUTHORIZATION_FAILED',
    'what holds for every tenant is changed by platform administrators only; make one for your tenant instead',
  );
}

/** `named` is the tenant_id of a body: null asks for the platform, absent for the caller's tenant. */
export function ownerNamed(caller: Caller, named: string | null | undefined): Owner {
  if (named === null) return null;
  if (named !== undefined && named !== caller.tenantId) {
    throw new ApiError('AUTHORIZATION_FAILED', 'tenant_id is not the tenant of your key', [
      { field: 'tenant_id', issue: 'is not the tenant of your key' },
    ]);
  }
  if (caller.tenantId === undefined) {
    throw invalid('X-Tenant-ID', 'is required: a platform key must name the tenant, or send tenant_id: null');
  }
  return caller.tenantId;
}
