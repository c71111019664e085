import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/** What is to be done and by whom: the ready table, callbacks on their way, running processes. */
export class Work1763600000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, READY, CALLBACKS, NODES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(runner, 'DROP TABLE nodes, distribution_callbacks, ready_attempts');
  }
}

/*
 * Narrow and short-lived: one row per delivery that is not settled. `due_at` is when it may be claimed: its
 * planned time, or, while `leased_by` is set, the end of the lease, so that a lost process's work becomes due
 * by itself. `fence` grows with every claim; an outcome that comes with an older one is refused.
 * `position` is the delivery's place in its job's list of destinations.
 * Every index is written three times a delivery: there are no more than claiming and expiring need.
 * `lane_id` is the destination (an inline one gets an id from its name and address).
 */
const READY = `
  CREATE TABLE ready_attempts (
    delivery_id uuid PRIMARY KEY,
    tenant_id varchar(50) NOT NULL,
    distribution_job_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    attempt_number integer NOT NULL,
    destination_name varchar(100) NOT NULL,
    position smallint NOT NULL,
    lane_id uuid NOT NULL,
    priority smallint NOT NULL,
    due_at timestamptz NOT NULL,
    expires_at timestamptz,
    leased_by uuid,
    fence integer NOT NULL DEFAULT 0
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
          autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
  CREATE INDEX idx_ready_attempts_due ON ready_attempts (priority, due_at);
  CREATE INDEX idx_ready_attempts_expires ON ready_attempts (expires_at) WHERE expires_at IS NOT NULL;
  ${tenantPolicies('ready_attempts')}
  GRANT SELECT, INSERT, UPDATE, DELETE ON ready_attempts TO distributor_app;
  GRANT SELECT, UPDATE ON ready_attempts TO distributor_system;`;

const CALLBACKS = `
  CREATE TABLE distribution_callbacks (
    id uuid PRIMARY KEY,
    tenant_id varchar(50) NOT NULL,
    distribution_job_id uuid,
    attempt_id uuid,
    batch_id uuid,
    event_type varchar(50) NOT NULL,
    callback_url text NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    leased_by uuid,
    fence integer NOT NULL DEFAULT 0,
    response_status_code integer,
    response_body text,
    error_code varchar(50),
    error_message text,
    history jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT chk_distribution_callbacks_subject CHECK (num_nonnulls(distribution_job_id, batch_id) = 1)
  ) WITH (fillfactor = 70);
  CREATE INDEX idx_distribution_callbacks_due ON distribution_callbacks (due_at) WHERE status = 'pending';
  CREATE INDEX idx_distribution_callbacks_job ON distribution_callbacks (tenant_id, distribution_job_id);
  ${tenantPolicies('distribution_callbacks')}
  GRANT SELECT, INSERT, UPDATE ON distribution_callbacks TO distributor_app;
  GRANT SELECT, UPDATE, DELETE ON distribution_callbacks TO distributor_system;`;

// Processes belong to the platform, not to a tenant.
const NODES = `
  CREATE TABLE nodes (
    id uuid PRIMARY KEY,
    role varchar(20) NOT NULL CHECK (role IN ('api', 'worker', 'scheduler', 'all')),
    hostname varchar(255) NOT NULL,
    pid integer NOT NULL,
    version varchar(50) NOT NULL,
    load jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
  );
  GRANT SELECT, INSERT, UPDATE, DELETE ON nodes TO distributor_system;`;
