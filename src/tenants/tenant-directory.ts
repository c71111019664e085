import { type TenantTransaction } from '../database/tenant-transaction';
import { type Clock } from '../kernel/clock';
import { type TenantId } from '../kernel/ids';
import { type Tenant } from './entities';

const STATUS = { name: 'tenant_status', text: `SELECT status FROM tenants` };

/** The time within which a suspension reaches every process. */
const BELIEVED_MS = 1000;
const MOST_REMEMBERED = 10_000;

/** Which tenants there are and whether they may submit; asked at every request, so remembered for a second. */
export class TenantDirectory {
  private readonly remembered = new Map<TenantId, { status: Tenant['status'] | undefined; until: number }>();

  constructor(
    private readonly tenants: TenantTransaction,
    private readonly clock: Clock,
  ) {}

  /** Undefined where there is no such tenant. */
  async status(tenantId: TenantId): Promise<Tenant['status'] | undefined> {
    const now = this.clock.now().getTime();
    const known = this.remembered.get(tenantId);
    if (known !== undefined && known.until > now) return known.status;
    const [row] = await this.tenants.run(tenantId, (tx) =>
      tx.query<{ status: Tenant['status'] }>(STATUS, []),
    );
    if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(tenantId, { status: row?.status, until: now + BELIEVED_MS });
    return row?.status;
  }

  forget(tenantId: TenantId): void {
    this.remembered.delete(tenantId);
  }
}
