import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { CURRENT_TENANT } from './support';

/**
 * Roll-ups for dashboards. A materialised view knows no row-level security, so the tables it fills are
 * closed to tenants and read through a filtered view. They belong to distributor_system, which sees every
 * tenant's rows when it refreshes them and may refresh what it owns. The unique index lets a refresh run
 * beside readers (CONCURRENTLY).
 */
export class Rollups1763600000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('GRANT CREATE ON SCHEMA public TO distributor_system');
    await runner.query('SET LOCAL ROLE distributor_system');
    for (const statement of [SUMMARY, DESTINATION_HEALTH]) await runner.query(statement);
    await runner.query('RESET ROLE');
    await runner.query('REVOKE CREATE ON SCHEMA public FROM distributor_system');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('SET LOCAL ROLE distributor_system');
    await runner.query('DROP VIEW destination_health, distribution_summary');
    await runner.query('DROP MATERIALIZED VIEW destination_health_mv, distribution_summary_mv');
    await runner.query('RESET ROLE');
  }
}

const SUMMARY = `
  CREATE MATERIALIZED VIEW distribution_summary_mv AS
  SELECT
    date_trunc('hour', created_at) AS hour_bucket,
    tenant_id,
    data_type,
    status,
    count(*) AS total_distributions,
    count(*) FILTER (WHERE status = 'completed') AS completed_distributions,
    count(*) FILTER (WHERE status = 'failed') AS failed_distributions,
    avg(extract(epoch FROM completed_at - created_at)) AS avg_completion_time_seconds,
    sum(retry_count) AS total_retries
  FROM distribution_jobs
  WHERE created_at >= CURRENT_DATE - interval '30 days'
  GROUP BY date_trunc('hour', created_at), tenant_id, data_type, status
  WITH NO DATA;
  CREATE UNIQUE INDEX uk_distribution_summary_mv
    ON distribution_summary_mv (hour_bucket, tenant_id, data_type, status);
  REFRESH MATERIALIZED VIEW distribution_summary_mv;

  CREATE VIEW distribution_summary WITH (security_barrier) AS
    SELECT * FROM distribution_summary_mv WHERE tenant_id = ${CURRENT_TENANT};
  GRANT SELECT ON distribution_summary TO distributor_app, distributor_readonly;`;

const DESTINATION_HEALTH = `
  CREATE MATERIALIZED VIEW destination_health_mv AS
  SELECT
    d.id AS destination_id,
    d.tenant_id,
    d.name,
    d.protocol,
    d.health_status,
    d.last_health_check,
    count(a.id) AS total_attempts_last_24h,
    count(*) FILTER (WHERE a.status = 'success') AS successful_attempts_last_24h,
    count(*) FILTER (WHERE a.status IN ('failed', 'retry')) AS failed_attempts_last_24h,
    round(count(*) FILTER (WHERE a.status = 'success')::numeric / NULLIF(count(a.id), 0) * 100, 2)
      AS success_rate_last_24h,
    avg(extract(epoch FROM a.completed_at - a.started_at)) AS avg_response_time_seconds
  FROM destinations d
  LEFT JOIN distribution_attempts a
    ON a.tenant_id = d.tenant_id AND a.destination_id = d.id
    AND a.started_at >= CURRENT_TIMESTAMP - interval '24 hours'
    AND a.distribution_job_id >= first_uuid_of_month(CURRENT_TIMESTAMP - interval '1 month')
  WHERE d.deleted_at IS NULL
  GROUP BY d.id
  WITH NO DATA;
  CREATE UNIQUE INDEX uk_destination_health_mv ON destination_health_mv (destination_id);
  REFRESH MATERIALIZED VIEW destination_health_mv;

  CREATE VIEW destination_health WITH (security_barrier) AS
    SELECT * FROM destination_health_mv WHERE tenant_id = ${CURRENT_TENANT};
  GRANT SELECT ON destination_health TO distributor_app, distributor_readonly;`;
