import { uuidv7 } from 'uuidv7';
import { type Health } from '../adapters/port';
import { type TenantTx } from '../database/tenant-transaction';
import { type DestinationId } from '../kernel/ids';
import { afterCheck, FAILURES_TO_UNHEALTHY, type Standing } from './decide';

/** One destination whose check is due, leased to this process. */
export interface CheckedDestination {
  id: DestinationId;
  version: number;
  intervalSeconds: number;
}

/**
 * Locked, so that checks and deliveries that report at the same time follow each other; the destination first, as
 * deliveries do, so that the two never wait for each other.
 */
const STANDING = {
  name: 'destination_standing',
  text: `
    SELECT d.health_status AS status, s.failures, s.successes
    FROM destination_health_states s
    JOIN destinations d ON d.tenant_id = s.tenant_id AND d.id = s.destination_id
    WHERE s.destination_id = $1 AND d.version = $2 AND d.deleted_at IS NULL
    FOR NO KEY UPDATE OF d, s`,
};

const RECORD_CHECK = {
  name: 'record_health_check',
  text: `
    WITH state AS (
      UPDATE destination_health_states
      SET failures = $5, successes = $6, due_at = now() + make_interval(secs => $7::double precision),
        since = CASE WHEN $8 THEN now() ELSE since END, error_code = $9, message = $10
      WHERE destination_id = $2
    ), history AS (
      INSERT INTO destination_health_checks
        (id, tenant_id, destination_id, status, latency_ms, error_code, message, source)
      VALUES ($3, $1, $2, $11, $12, $9, $10, 'check')
    )
    UPDATE destinations SET health_status = $4, last_health_check = now() WHERE id = $2`,
};

export interface CheckRecorded {
  status: Standing['status'];
  isChanged: boolean;
}

/** Undefined where the destination has been changed or deleted since: the result belongs to what it was. */
export async function recordCheck(
  tx: TenantTx,
  { id, version, intervalSeconds }: CheckedDestination,
  health: Health,
  random: number,
): Promise<CheckRecorded | undefined> {
  const [before] = await tx.query<Standing & object>(STANDING, [id, version]);
  if (before === undefined) return undefined;
  const after = afterCheck(before, health.status === 'healthy', intervalSeconds, random);
  const isChanged = after.status !== before.status;
  await tx.query(RECORD_CHECK, [
    tx.tenantId,
    id,
    uuidv7(),
    after.status,
    after.failures,
    after.successes,
    after.nextInSeconds,
    isChanged,
    health.status === 'unhealthy' ? health.code : null,
    health.message,
    health.status,
    Math.max(0, Math.round(health.latencyMs)),
  ]);
  return { status: after.status, isChanged };
}

/**
 * Touches nothing where the row says so already. Unhealthy: a check follows soon, for the rules may send nothing
 * there any more that could show its return.
 */
const RECORD_DELIVERIES = {
  name: 'record_health_of_deliveries',
  text: `
    WITH changed AS (
      UPDATE destinations SET health_status = $3
      WHERE id = $2 AND tenant_id = $1 AND health_status <> $3 AND deleted_at IS NULL
      RETURNING tenant_id, id
    ), history AS (
      INSERT INTO destination_health_checks
        (id, tenant_id, destination_id, status, latency_ms, error_code, message, source)
      SELECT $4, tenant_id, id, $3, $5, $6, $7, 'delivery' FROM changed
    ), state AS (
      INSERT INTO destination_health_states AS s
        (tenant_id, destination_id, due_at, failures, since, error_code, message)
      SELECT tenant_id, id, CASE WHEN $3 = 'unhealthy' THEN now() + interval '5 seconds' ELSE 'infinity' END,
        $8, now(), $6, $7
      FROM changed
      ON CONFLICT (tenant_id, destination_id) DO UPDATE
      SET due_at = LEAST(s.due_at, excluded.due_at), failures = excluded.failures, successes = 0,
        since = excluded.since, error_code = excluded.error_code, message = excluded.message
    )
    SELECT id FROM changed`,
};

export interface DeliveryEvidence {
  status: 'healthy' | 'unhealthy';
  latencyMs: number;
  code: string | null;
  message: string;
}

/** Whether that changed anything. */
export async function recordDeliveries(
  tx: TenantTx,
  id: DestinationId,
  { status, latencyMs, code, message }: DeliveryEvidence,
): Promise<boolean> {
  const failures = status === 'unhealthy' ? FAILURES_TO_UNHEALTHY : 0;
  const latency = Math.max(0, Math.round(latencyMs));
  const values = [tx.tenantId, id, status, uuidv7(), latency, code, message, failures];
  return (await tx.query(RECORD_DELIVERIES, values)).length > 0;
}
