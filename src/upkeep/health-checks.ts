import { type Health, type Protocol } from '../adapters/port';
import { type SystemTransaction } from '../database/system-transaction';
import { type TenantTransaction } from '../database/tenant-transaction';
import { checkDestination } from '../health/check';
import { type CheckRecorded, recordCheck } from '../health/record';
import { type DestinationId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type OpenParts } from '../tenants/destination-sender';
import { type Duty } from './duty';

export interface DueCheck {
  tenant_id: TenantId;
  id: DestinationId;
  name: string;
  protocol: Protocol;
  version: number;
  configuration: JsonObject;
  health_check_config: JsonObject;
  interval_seconds: number;
  timeout_seconds: number;
}

/** An unhealthy destination is looked at even where no checks are asked for: nothing else may show its return. */
const INTERVAL = `
  NULLIF(COALESCE(
    (d.health_check_config ->> 'interval_seconds')::int,
    CASE WHEN $1 = 0 AND d.health_status = 'unhealthy' THEN 60 ELSE $1 END
  ), 0)`;
const IN_USE = `d.status = 'active' AND d.deleted_at IS NULL AND t.status = 'active'`;

/**
 * Takes due checks for as long as they may last and a margin: where this process dies, another makes them after that.
 * What is not to be checked any more is put aside, until `plan` or a change of the destination takes it up again.
 */
const CLAIM = {
  name: 'claim_health_checks',
  text: `
    WITH due AS (
      SELECT tenant_id, destination_id FROM destination_health_states
      WHERE due_at <= now() ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), wanted AS (
      SELECT d.tenant_id, d.id, d.name, d.protocol, d.version, d.configuration, d.health_check_config,
        CASE WHEN ${IN_USE} THEN ${INTERVAL} END AS interval_seconds,
        COALESCE((d.health_check_config ->> 'timeout_seconds')::int, 10) AS timeout_seconds
      FROM due
      JOIN destinations d ON d.tenant_id = due.tenant_id AND d.id = due.destination_id
      JOIN tenants t ON t.id = d.tenant_id
    ), leased AS (
      UPDATE destination_health_states s
      SET due_at = CASE WHEN w.interval_seconds IS NULL THEN 'infinity'
                   ELSE now() + make_interval(secs => w.timeout_seconds + 30) END
      FROM wanted w WHERE s.tenant_id = w.tenant_id AND s.destination_id = w.id
    )
    SELECT * FROM wanted WHERE interval_seconds IS NOT NULL`,
};

const MOST_AT_ONCE = 16;
const EVERY_MS = 1000;

export interface HealthCheckParts extends OpenParts {
  system: SystemTransaction;
  tenants: TenantTransaction;
  /** For destinations that name no interval; 0: they are not checked while they are healthy. */
  defaultIntervalSeconds: number;
  random: () => number;
  onRecorded: (check: DueCheck, health: Health, recorded: CheckRecorded) => void;
  onFault: (error: unknown) => void;
}

/** Makes the scheduled checks of all tenants. Several schedulers share them: each check is claimed by one. */
export class HealthCheckRounds {
  private timer: NodeJS.Timeout | undefined;
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private claiming: Promise<void> | undefined;

  constructor(private readonly parts: HealthCheckParts) {}

  start(): void {
    this.timer ??= setInterval(() => this.round(), EVERY_MS);
  }

  /** Ends the checks under way without a result; they are due again after their lease. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    await this.claiming;
    await Promise.all(this.running);
  }

  private round(): void {
    const free = MOST_AT_ONCE - this.running.size;
    if (this.claiming !== undefined || free <= 0 || this.stopping.signal.aborted) return;
    this.claiming = this.begin(free)
      .catch(this.parts.onFault)
      .finally(() => (this.claiming = undefined));
  }

  private async begin(most: number): Promise<void> {
    const { system, defaultIntervalSeconds } = this.parts;
    for (const check of await system.query<DueCheck>(CLAIM, [defaultIntervalSeconds, most])) {
      const done = this.check(check)
        .catch(this.parts.onFault)
        .finally(() => this.running.delete(done));
      this.running.add(done);
    }
  }

  private async check(due: DueCheck): Promise<void> {
    const { parts, stopping } = this;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(due.timeout_seconds * 1000)]);
    const destination = {
      tenantId: due.tenant_id,
      protocol: due.protocol,
      configuration: due.configuration,
      healthCheck: due.health_check_config,
    };
    const health = await checkDestination(parts, destination, signal);
    if (stopping.signal.aborted) return;
    const target = { id: due.id, version: due.version, intervalSeconds: due.interval_seconds };
    const recorded = await parts.tenants.run(due.tenant_id, (tx) =>
      recordCheck(tx, target, health, parts.random()),
    );
    if (recorded !== undefined) parts.onRecorded(due, health, recorded);
  }
}

const PLAN = {
  name: 'plan_health_checks',
  text: `
    INSERT INTO destination_health_states AS s (tenant_id, destination_id, due_at)
    SELECT d.tenant_id, d.id, now() + random() * interval '60 seconds'
    FROM destinations d
    JOIN tenants t ON t.id = d.tenant_id
    WHERE ${IN_USE} AND ${INTERVAL} IS NOT NULL
    ON CONFLICT (tenant_id, destination_id) DO UPDATE SET due_at = excluded.due_at
    WHERE s.due_at = 'infinity'`,
};

/** What was put aside and is in use again (a tenant that was suspended), or was there before checks were. */
export const planHealthChecks = (defaultIntervalSeconds: number): Duty => ({
  name: 'plan health checks',
  everySeconds: 60,
  async run(tx) {
    await tx.query(PLAN, [defaultIntervalSeconds]);
  },
});

/** The newest 3,000 of each destination (two days at one a minute), and none older than 30 days. */
const PRUNE = [
  `DELETE FROM destination_health_checks c
   USING (
     SELECT d.tenant_id, d.id, (
       SELECT h.id FROM destination_health_checks h
       WHERE h.tenant_id = d.tenant_id AND h.destination_id = d.id ORDER BY h.id DESC OFFSET 3000 LIMIT 1
     ) AS last
     FROM destinations d
   ) too_many
   WHERE c.tenant_id = too_many.tenant_id AND c.destination_id = too_many.id AND c.id <= too_many.last`,
  `DELETE FROM destination_health_checks WHERE checked_at < now() - interval '30 days'`,
].map((text, index) => ({ name: `prune_health_checks_${index}`, text }));

export const pruneHealthChecks: Duty = {
  name: 'prune health checks',
  everySeconds: 3600,
  async run(tx) {
    for (const statement of PRUNE) await tx.query(statement, []);
  },
};
