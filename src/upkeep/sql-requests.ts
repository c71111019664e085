import { type SqlRequests } from '../intake/sql-requests';
import { type TenantId } from '../kernel/ids';
import { type Duty } from './duty';
import { stepwise } from './stepwise';

export const SQL_REQUESTS = 'sql requests';

const WAITING = {
  name: 'tenants_with_sql_requests',
  text: `
    SELECT t.id, t.id AS tenant_id FROM tenants t
    WHERE EXISTS (SELECT FROM sql_requests r WHERE r.tenant_id = t.id AND r.status = 'pending')
    LIMIT 1000`,
};

/** Makes jobs of what was submitted by SQL: at once when its commit notifies (database/wake-ups.ts), else in a second. */
export const sqlRequests = (
  requests: SqlRequests,
  onFault: (error: unknown, tenantId: TenantId) => void,
): Duty => stepwise(SQL_REQUESTS, WAITING, requests, onFault);

/** In portions, as dead letters. Until then the client reads what became of a request. */
const PRUNE = {
  name: 'prune_sql_requests',
  text: `
    DELETE FROM sql_requests WHERE (tenant_id, id) IN (
      SELECT tenant_id, id FROM sql_requests WHERE settled_at < now() - interval '7 days' ORDER BY settled_at LIMIT 5000
    )`,
};

export const pruneSqlRequests: Duty = {
  name: 'prune sql requests',
  everySeconds: 10,
  async run(tx) {
    await tx.query(PRUNE, []);
  },
};
