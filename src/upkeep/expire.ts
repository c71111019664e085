import { type Expiries, OVERDUE_SECONDS } from '../delivery/expiries';
import { type TenantId } from '../kernel/ids';
import { type Duty } from './duty';

/** Deliveries whose job has expired become due, however late their next attempt was planned. */
const EXPIRE = {
  name: 'expire_ready',
  text: `
    UPDATE ready_attempts SET due_at = now()
    WHERE expires_at <= now() AND due_at > now() AND leased_by IS NULL`,
};

const OVERDUE_TENANTS = {
  name: 'overdue_tenants',
  text: `
    SELECT DISTINCT tenant_id FROM (
      SELECT tenant_id FROM ready_attempts
      WHERE expires_at <= now() - make_interval(secs => $1) AND leased_by IS NULL
      ORDER BY expires_at
      LIMIT 1000
    ) overdue`,
};

/** The worker that claims an expired delivery records it as EXPIRED; what none claims is settled here. */
export const expire = (expiries: Expiries): Duty => ({
  name: 'expire',
  everySeconds: 1,
  async run(tx) {
    await tx.query(EXPIRE, []);
    const overdue = await tx.query<{ tenant_id: TenantId }>(OVERDUE_TENANTS, [OVERDUE_SECONDS]);
    for (const { tenant_id: tenantId } of overdue) await expiries.settle(tenantId);
  },
});
