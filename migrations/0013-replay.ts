import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * Deliveries that were given up, and what brings them back. An older process that runs meanwhile writes no dead
 * letters and counts attempts from the first one; both are right for everything that nobody has replayed.
 */
export class Replay1763600000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, ROUNDS, DEAD_LETTERS, BULK_OPERATIONS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `DROP TABLE bulk_operations, dead_letters`,
      `DROP INDEX idx_distribution_callbacks_batch`,
      `ALTER TABLE distribution_callbacks DROP COLUMN round_start`,
      `ALTER TABLE ready_attempts DROP COLUMN round_start`,
    );
  }
}

// Attempts made before the current round: a replay begins a new one, with all attempts that the policy allows.
const ROUNDS = `
  ALTER TABLE ready_attempts ADD COLUMN round_start integer NOT NULL DEFAULT 0;
  ALTER TABLE distribution_callbacks ADD COLUMN round_start integer NOT NULL DEFAULT 0;
  CREATE INDEX idx_distribution_callbacks_batch ON distribution_callbacks (batch_id, tenant_id)
    WHERE batch_id IS NOT NULL;`;

// No foreign key to jobs: months of jobs leave by dropping tables, and no constraint may stand in the way.
// The index on expiry leads the duty that prunes; delivery_id leads a replay to what it brings back.
const DEAD_LETTERS = `
  CREATE TABLE dead_letters (
    id uuid NOT NULL,
    tenant_id varchar(50) NOT NULL,
    distribution_job_id uuid NOT NULL,
    distribution_id varchar(100) NOT NULL,
    delivery_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    destination_id uuid,
    destination_name varchar(100) NOT NULL,
    data_type varchar(50) NOT NULL,
    error_code varchar(50) NOT NULL,
    error_message text NOT NULL,
    attempts integer NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'dead' CHECK (status IN ('dead', 'redriven', 'discarded')),
    reason text,
    resolved_by varchar(200),
    resolved_at timestamptz,
    died_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
  );
  CREATE INDEX idx_dead_letters_delivery ON dead_letters (delivery_id, id DESC);
  CREATE INDEX idx_dead_letters_expires ON dead_letters (expires_at);
  CREATE INDEX idx_dead_letters_dead ON dead_letters (status, tenant_id, id) WHERE status = 'dead';
  ${tenantPolicies('dead_letters')}
  GRANT SELECT, INSERT, UPDATE ON dead_letters TO distributor_app;
  GRANT SELECT, DELETE ON dead_letters TO distributor_system;`;

// `position` is the last job or dead letter that was dealt with: a step and its progress are one transaction.
const BULK_OPERATIONS = `
  CREATE TABLE bulk_operations (
    id uuid NOT NULL,
    tenant_id varchar(50) NOT NULL,
    kind varchar(20) NOT NULL CHECK (kind IN ('replay', 'redrive', 'discard')),
    status varchar(20) NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'cancelled')),
    selection jsonb NOT NULL,
    reason text,
    rate_per_second integer NOT NULL CHECK (rate_per_second > 0),
    position uuid,
    next_due_at timestamptz NOT NULL DEFAULT now(),
    examined integer NOT NULL DEFAULT 0,
    done integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    created_by varchar(200) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, id)
  );
  CREATE INDEX idx_bulk_operations_running ON bulk_operations (id) WHERE status = 'running';
  CREATE INDEX idx_bulk_operations_completed ON bulk_operations (completed_at) WHERE completed_at IS NOT NULL;
  ${tenantPolicies('bulk_operations')}
  GRANT SELECT, INSERT, UPDATE ON bulk_operations TO distributor_app;
  GRANT SELECT, DELETE ON bulk_operations TO distributor_system;`;
