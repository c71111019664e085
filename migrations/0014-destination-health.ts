import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * What health checks know between two of them: when the next is due, the run of equal results, since when and why the
 * destination stands as it does. A table of its own, so that checks do not rewrite the wide rows of destinations. Rows
 * are made by the service (upkeep/plan-health-checks.ts): row-level security hides the destinations from a migration.
 */
export class DestinationHealth1763600000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, STATES, CHECKS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      'DROP INDEX idx_destination_health_checks_checked_at',
      'ALTER TABLE destination_health_checks DROP COLUMN source',
      'DROP TABLE destination_health_states',
    );
  }
}

// due_at = infinity: not to be checked for now (inactive, or no checks asked for).
const STATES = `
  CREATE TABLE destination_health_states (
    tenant_id varchar(50) NOT NULL,
    destination_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    successes integer NOT NULL DEFAULT 0,
    since timestamptz,
    error_code varchar(50),
    message text,
    PRIMARY KEY (tenant_id, destination_id),
    FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations (tenant_id, id) ON DELETE CASCADE
  );
  CREATE INDEX idx_destination_health_states_due ON destination_health_states (due_at);
  ${tenantPolicies('destination_health_states')}
  GRANT SELECT, INSERT, UPDATE ON destination_health_states TO distributor_app, distributor_system;`;

const CHECKS = `
  ALTER TABLE destination_health_checks ADD COLUMN source varchar(20) NOT NULL DEFAULT 'check'
    CHECK (source IN ('check', 'delivery'));
  CREATE INDEX idx_destination_health_checks_checked_at ON destination_health_checks (checked_at);`;
