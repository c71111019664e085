import { type TenantTransaction } from '../database/tenant-transaction';
import { notFound } from '../kernel/errors';
import { pageOf } from '../kernel/cursor';
import { type DestinationId, isUuid, type TenantId } from '../kernel/ids';
import { type HealthStatus } from './decide';

/** How a destination stands, since when and why. */
interface StandingRow {
  destination_id: DestinationId;
  name: string;
  health_status: HealthStatus;
  last_health_check: Date | null;
  since: Date | null;
  error_code: string | null;
  message: string | null;
  next_check_at: Date | null;
  checks: number;
  healthy_checks: number;
}

export interface CheckRow {
  id: string;
  status: 'healthy' | 'unhealthy';
  source: 'check' | 'delivery';
  latency_ms: number;
  error_code: string | null;
  message: string;
  checked_at: Date;
}

export interface HistoryFilter {
  limit: number;
  /** Id of the last check of the page before. */
  cursor?: string | undefined;
  /** Over how long the uptime is reckoned. */
  hours: number;
}

/** The id wins where another destination has it as its name. */
const STANDING = {
  name: 'destination_health_standing',
  text: `
    SELECT d.id AS destination_id, d.name, d.health_status, d.last_health_check, s.since, s.error_code, s.message,
      NULLIF(s.due_at, 'infinity') AS next_check_at, u.checks, u.healthy_checks
    FROM destinations d
    LEFT JOIN destination_health_states s ON s.tenant_id = d.tenant_id AND s.destination_id = d.id
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS checks, (count(*) FILTER (WHERE c.status = 'healthy'))::int AS healthy_checks
      FROM destination_health_checks c
      WHERE c.tenant_id = d.tenant_id AND c.destination_id = d.id AND c.source = 'check'
        AND c.checked_at > now() - make_interval(hours => $3)
    ) u
    WHERE d.deleted_at IS NULL AND CASE WHEN $1::uuid IS NULL THEN d.name = $2 ELSE d.id = $1 END`,
};

const CHECKS = {
  name: 'destination_health_history',
  text: `
    SELECT id, status, source, latency_ms, error_code, message, checked_at
    FROM destination_health_checks
    WHERE destination_id = $1 AND ($2::uuid IS NULL OR id < $2)
    ORDER BY id DESC LIMIT $3`,
};

/** What `GET /destinations/{id}/health` answers. */
export class HealthHistory {
  constructor(private readonly tenants: TenantTransaction) {}

  async of(tenantId: TenantId, idOrName: string, { limit, cursor, hours }: HistoryFilter) {
    const id = isUuid(idOrName) ? idOrName : null;
    return this.tenants.run(tenantId, async (tx) => {
      const [standing] = await tx.query<StandingRow>(STANDING, [id, idOrName, hours]);
      if (standing === undefined) throw notFound(`destination ${idOrName}`);
      const rows = await tx.query<CheckRow>(CHECKS, [standing.destination_id, cursor ?? null, limit + 1]);
      const { page: history, nextCursor } = pageOf(rows, limit);
      const { checks, healthy_checks, ...rest } = standing;
      return {
        ...rest,
        uptime: { hours, checks, ratio: checks === 0 ? null : healthy_checks / checks },
        history,
        next_cursor: nextCursor,
      };
    });
  }
}
