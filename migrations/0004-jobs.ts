import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * The history: jobs, attempts, their log lines and state transitions, partitioned by month. The month is
 * part of the id itself (UUIDv7), so keys and foreign keys stay what they would be without partitions and
 * an old month leaves by dropping its tables (docs/adr/0002-partitions.md).
 */
export class Jobs1763600000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, BATCHES, JOBS, ATTEMPTS, ATTEMPT_LOGS, JOB_EVENTS, KEYS, MONTHS);
    await asOwner(runner, `SELECT create_month_partitions(now(), 3)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `DROP FUNCTION create_month_partitions, drop_month_partitions, analyze_young_tables`,
      `DROP TABLE idempotency_keys, distribution_keys, distribution_job_events, attempt_logs,
         distribution_attempts, distribution_jobs, distribution_batches`,
      `DROP FUNCTION first_uuid_of_month`,
      `DROP SEQUENCE distribution_job_events_id_seq`,
    );
  }
}

const BATCHES = `
  CREATE TABLE distribution_batches (
    id uuid NOT NULL,
    tenant_id varchar(50) NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'processing' CHECK (status IN ('processing', 'completed')),
    total_distributions integer NOT NULL,
    accepted_distributions integer NOT NULL,
    open_distributions integer NOT NULL,
    failed_distributions integer NOT NULL DEFAULT 0,
    cancelled_distributions integer NOT NULL DEFAULT 0,
    callback_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, id)
  ) WITH (fillfactor = 70);
  ${tenantPolicies('distribution_batches')}
  GRANT SELECT, INSERT, UPDATE ON distribution_batches TO distributor_app;
  GRANT SELECT, DELETE ON distribution_batches TO distributor_system;`;

// No foreign key to tenants: each insert would lock the tenant's row, which all its submissions share.
// No GIN index on payload or metadata: row-level security keeps the planner from using one.
// The tenant comes first in unique keys only: every query of a tenant's session names the tenant (by policy), and
// while a table is young the planner would take any index that begins with it, whatever else is asked for.
// No index on status: it would make every transition rewrite all index entries of the row (no HOT update). Open jobs
// are found through ready_attempts, failed and cancelled ones through distribution_job_events.
const JOBS = `
  CREATE TABLE distribution_jobs (
    id uuid NOT NULL PRIMARY KEY,
    tenant_id varchar(50) NOT NULL,
    distribution_id varchar(100) NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'pending'
      CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    priority varchar(10) NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'critical')),
    data_type varchar(50) NOT NULL,
    payload jsonb NOT NULL,
    destinations jsonb NOT NULL,
    callback_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    completed_at timestamptz,
    deliver_at timestamptz,
    expires_at timestamptz,
    retry_count integer NOT NULL DEFAULT 0,
    max_retries integer NOT NULL DEFAULT 3,
    error_code varchar(50),
    error_message text,
    metadata jsonb NOT NULL DEFAULT '{}',
    options jsonb NOT NULL DEFAULT '{}',
    callback jsonb,
    plan jsonb NOT NULL DEFAULT '{}',
    idempotency_key varchar(100),
    correlation_id varchar(100) NOT NULL,
    batch_id uuid,
    submitted_by varchar(200) NOT NULL,
    open_deliveries integer NOT NULL CHECK (open_deliveries >= 0),
    failed_deliveries integer NOT NULL DEFAULT 0,
    cancel_requested_at timestamptz,
    CONSTRAINT uk_distribution_jobs_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT chk_distribution_jobs_valid_dates CHECK (completed_at IS NULL OR completed_at >= created_at),
    CONSTRAINT chk_distribution_jobs_expires_future CHECK (expires_at IS NULL OR expires_at > created_at)
  ) PARTITION BY RANGE (id);
  ALTER TABLE distribution_jobs
    ALTER COLUMN payload SET STORAGE EXTERNAL, ALTER COLUMN metadata SET STORAGE EXTERNAL;
  CREATE INDEX idx_distribution_jobs_data_type ON distribution_jobs (data_type, tenant_id, id DESC);
  CREATE INDEX idx_distribution_jobs_batch ON distribution_jobs (batch_id, tenant_id) WHERE batch_id IS NOT NULL;
  ${tenantPolicies('distribution_jobs')}
  GRANT SELECT, INSERT, UPDATE ON distribution_jobs TO distributor_app;
  GRANT SELECT ON distribution_jobs TO distributor_system;`;

// One row per attempt: planned as pending, completed once (in place, no index holds what changes). A delivery's state is its latest attempt's.
const ATTEMPTS = `
  CREATE TABLE distribution_attempts (
    id uuid NOT NULL,
    tenant_id varchar(50) NOT NULL,
    distribution_job_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    destination_id uuid,
    destination_name varchar(100) NOT NULL,
    attempt_number integer NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'pending'
      CHECK (status IN ('pending', 'processing', 'success', 'failed', 'retry', 'cancelled')),
    started_at timestamptz,
    completed_at timestamptz,
    response_status_code integer,
    response_body text,
    error_code varchar(50),
    error_message text,
    retry_reason varchar(100),
    next_attempt_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (distribution_job_id, id),
    FOREIGN KEY (tenant_id, distribution_job_id) REFERENCES distribution_jobs (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT chk_distribution_attempts_valid_dates CHECK (completed_at IS NULL OR completed_at >= started_at),
    CONSTRAINT chk_distribution_attempts_attempt_number CHECK (attempt_number > 0),
    CONSTRAINT uk_distribution_attempts_unique_attempt
      UNIQUE (distribution_job_id, destination_name, attempt_number)
  ) PARTITION BY RANGE (distribution_job_id);
  ${tenantPolicies('distribution_attempts')}
  GRANT SELECT, INSERT, UPDATE ON distribution_attempts TO distributor_app;
  GRANT SELECT ON distribution_attempts TO distributor_system;`;

const ATTEMPT_LOGS = `
  CREATE TABLE attempt_logs (
    tenant_id varchar(50) NOT NULL,
    distribution_job_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    line_number smallint NOT NULL,
    level varchar(10) NOT NULL CHECK (level IN ('info', 'warn', 'error')),
    message text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (distribution_job_id, attempt_id, line_number)
  ) PARTITION BY RANGE (distribution_job_id);
  ${tenantPolicies('attempt_logs')}
  GRANT SELECT, INSERT ON attempt_logs TO distributor_app;`;

// What a job's own row does not say: acceptance, start and completion are its times, everything else is here.
const JOB_EVENTS = `
  CREATE SEQUENCE distribution_job_events_id_seq CACHE 50;
  GRANT USAGE ON SEQUENCE distribution_job_events_id_seq TO distributor_app;
  CREATE TABLE distribution_job_events (
    tenant_id varchar(50) NOT NULL,
    distribution_job_id uuid NOT NULL,
    id bigint NOT NULL DEFAULT nextval('distribution_job_events_id_seq'),
    from_status varchar(20) NOT NULL,
    to_status varchar(20) NOT NULL,
    actor varchar(200) NOT NULL,
    reason text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (distribution_job_id, id)
  ) PARTITION BY RANGE (distribution_job_id);
  CREATE INDEX idx_distribution_job_events_status
    ON distribution_job_events (to_status, tenant_id, distribution_job_id DESC);
  ${tenantPolicies('distribution_job_events')}
  GRANT SELECT, INSERT ON distribution_job_events TO distributor_app;`;

// Unique over all months, which a partitioned table cannot promise; pruned with the month of their job.
const KEYS = `
  CREATE TABLE distribution_keys (
    tenant_id varchar(50) NOT NULL,
    distribution_id varchar(100) NOT NULL,
    distribution_job_id uuid NOT NULL,
    request_hash bytea,
    PRIMARY KEY (tenant_id, distribution_id)
  );
  ${tenantPolicies('distribution_keys')}
  GRANT SELECT, INSERT ON distribution_keys TO distributor_app;
  GRANT SELECT, DELETE ON distribution_keys TO distributor_system;

  CREATE TABLE idempotency_keys (
    tenant_id varchar(50) NOT NULL,
    idempotency_key varchar(100) NOT NULL,
    distribution_job_id uuid NOT NULL,
    request_hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, idempotency_key)
  );
  ${tenantPolicies('idempotency_keys')}
  GRANT SELECT, INSERT, DELETE ON idempotency_keys TO distributor_app;
  GRANT SELECT, DELETE ON idempotency_keys TO distributor_system;`;

// SECURITY DEFINER because only the owner may create and drop tables; they read and return no tenant's rows.
// Jobs and attempts are updated soon after they are inserted: half a page is left for it.
// A partition has row security and no policy and no grant: nobody reads it past its parent.
const MONTHS = `
  CREATE FUNCTION first_uuid_of_month(moment timestamptz) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
    SELECT (lpad(to_hex((extract(epoch FROM date_trunc('month', moment, 'UTC')) * 1000)::bigint), 12, '0')
      || '00000000000000000000')::uuid
  $$;

  CREATE FUNCTION create_month_partitions(moment timestamptz, months integer) RETURNS void
  SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' LANGUAGE plpgsql AS $$
  DECLARE
    parent text;
    month timestamptz;
    part text;
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('create_month_partitions'));
    FOR ahead IN 0 .. months - 1 LOOP
      month := date_trunc('month', moment) + make_interval(months => ahead);
      FOREACH parent IN ARRAY ARRAY['distribution_jobs', 'distribution_attempts', 'attempt_logs',
                                    'distribution_job_events'] LOOP
        part := parent || to_char(month, '"_y"YYYY"m"MM');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        EXECUTE format(
          'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)', part, parent,
          first_uuid_of_month(month), first_uuid_of_month(month + interval '1 month'),
          CASE WHEN parent IN ('distribution_jobs', 'distribution_attempts') THEN 50 ELSE 100 END);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
      END LOOP;
    END LOOP;
  END $$;

  CREATE FUNCTION drop_month_partitions(moment timestamptz) RETURNS void
  SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' LANGUAGE plpgsql AS $$
  DECLARE
    parent text;
    part text;
  BEGIN
    FOREACH parent IN ARRAY ARRAY['attempt_logs', 'distribution_job_events', 'distribution_attempts',
                                  'distribution_jobs'] LOOP
      part := parent || to_char(date_trunc('month', moment), '"_y"YYYY"m"MM');
      CONTINUE WHEN to_regclass(part) IS NULL;
      EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, part);
      EXECUTE format('DROP TABLE %I', part);
    END LOOP;
  END $$;

  CREATE FUNCTION analyze_young_tables() RETURNS void
  SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
  DECLARE
    young text;
  BEGIN
    FOR young IN
      SELECT relname FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relowner = current_user::regrole
        AND reltuples = -1 AND pg_relation_size(oid) > 65536 AND relname <> 'ready_attempts'
    LOOP
      EXECUTE format('ANALYZE %I', young);
    END LOOP;
  END $$;

  REVOKE ALL ON FUNCTION create_month_partitions, drop_month_partitions, analyze_young_tables FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION create_month_partitions, drop_month_partitions, analyze_young_tables
    TO distributor_system;`;
