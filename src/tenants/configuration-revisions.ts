import { type TenantTransaction } from '../database/tenant-transaction';
import { type Clock } from '../kernel/clock';
import { type TenantId } from '../kernel/ids';
import { type ConfigurationTx, type Owner } from './configuration-transaction';
import { Remembered } from './remembered';

/** How often rules and data types have changed; undefined where there never were any. */
export interface TenantRevisions {
  rules: number | undefined;
  globalRules: number | undefined;
  dataTypes: number | undefined;
  globalDataTypes: number | undefined;
  /** The tenant refuses data types that are not in the catalogue (`strict_data_types` of its config). */
  strictDataTypes: boolean;
}

type RevisionRow = {
  rules: number | null;
  global_rules: number | null;
  data_types: number | null;
  global_data_types: number | null;
  strict: boolean | null;
};

const CURRENT = {
  name: 'configuration_revisions_current',
  text: `
    SELECT
      (SELECT revision::float8 FROM configuration_revisions WHERE tenant_id = $1 AND kind = 'rules') AS rules,
      (SELECT revision::float8 FROM configuration_revisions WHERE tenant_id IS NULL AND kind = 'rules')
        AS global_rules,
      (SELECT revision::float8 FROM configuration_revisions WHERE tenant_id = $1 AND kind = 'data_types')
        AS data_types,
      (SELECT revision::float8 FROM configuration_revisions WHERE tenant_id IS NULL AND kind = 'data_types')
        AS global_data_types,
      (SELECT config -> 'strict_data_types' = 'true'::jsonb FROM tenants WHERE id = $1) AS strict`,
};

const NEXT = {
  name: 'configuration_revisions_next',
  text: `
    INSERT INTO configuration_revisions (tenant_id, kind, revision) VALUES ($1, $2, 1)
    ON CONFLICT (tenant_id, kind)
      DO UPDATE SET revision = configuration_revisions.revision + 1, updated_at = now()
    RETURNING revision`,
};

/**
 * The number of the next change. Taken first in the changing transaction: from here to the commit nobody else changes
 * the same kind of the same owner, so that checks of names cannot be overtaken.
 */
export async function nextRevision(tx: ConfigurationTx, kind: 'rules' | 'data_types'): Promise<string> {
  const [row] = await tx.query<{ revision: string }>(NEXT, [tx.owner, kind]);
  if (row === undefined) throw new Error('no revision came back');
  return row.revision;
}

/** Whether what this process keeps of a tenant's configuration is current: two queries a second and active tenant. */
export class ConfigurationRevisions {
  private readonly remembered: Remembered<TenantId, TenantRevisions>;

  constructor(
    private readonly tenants: TenantTransaction,
    clock: Clock,
  ) {
    this.remembered = new Remembered((tenantId) => this.read(tenantId), clock);
  }

  current(tenantId: TenantId): Promise<TenantRevisions> {
    return this.remembered.get(tenantId);
  }

  /** After a change, of a tenant's or of everybody's. */
  forget(owner: Owner): void {
    if (owner === null) this.remembered.forgetAll();
    else this.remembered.forget(owner);
  }

  private async read(tenantId: TenantId): Promise<TenantRevisions> {
    const [row] = await this.tenants.run(tenantId, (tx) => tx.query<RevisionRow>(CURRENT, [tenantId]));
    return {
      rules: row?.rules ?? undefined,
      globalRules: row?.global_rules ?? undefined,
      dataTypes: row?.data_types ?? undefined,
      globalDataTypes: row?.global_data_types ?? undefined,
      strictDataTypes: row?.strict ?? false,
    };
  }
}
