import { type TenantTransaction } from '../database/tenant-transaction';
import { type Clock } from '../kernel/clock';
import { type TenantId } from '../kernel/ids';
import { type Tenant } from './entities';
import { Remembered } from './remembered';

const STATUS = { name: 'tenant_status', text: `SELECT status FROM tenants WHERE erased_at IS NULL` };

/** Which tenants there are and whether they may submit; asked at every request, so remembered for a second. */
export class TenantDirectory {
  private readonly remembered: Remembered<TenantId, Tenant['status'] | undefined>;

  constructor(
    private readonly tenants: TenantTransaction,
    clock: Clock,
  ) {
    this.remembered = new Remembered((tenantId) => this.read(tenantId), clock);
  }

  /** Undefined where there is no such tenant, or none any more. A suspension reaches every process within a second. */
  status(tenantId: TenantId): Promise<Tenant['status'] | undefined> {
    return this.remembered.get(tenantId);
  }

  forget(tenantId: TenantId): void {
    this.remembered.forget(tenantId);
  }

  private async read(tenantId: TenantId): Promise<Tenant['status'] | undefined> {
    const [row] = await this.tenants.run(tenantId, (tx) =>
      tx.query<{ status: Tenant['status'] }>(STATUS, []),
    );
    return row?.status;
  }
}
