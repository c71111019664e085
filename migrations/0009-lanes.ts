import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * Claims go by lane, so that what cannot be sent is not read (docs/adr/0006-lanes.md). `priority` stays for processes
 * of the version before, which write and read it; rows that they write have the default rank. A later version drops it.
 */
export class Lanes1763600000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, RANK, LANES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `DROP TABLE lanes`,
      `DROP INDEX idx_ready_attempts_lane`,
      `ALTER TABLE ready_attempts DROP COLUMN rank, ALTER COLUMN priority DROP DEFAULT`,
      `CREATE INDEX idx_ready_attempts_due ON ready_attempts (priority, due_at)`,
    );
  }
}

/*
 * `rank` is the place in the lane: twice the priority, one more for a retry. Filled by a change of type because
 * row-level security hides the rows from the owner's UPDATE.
 */
const RANK = `
  ALTER TABLE ready_attempts ADD COLUMN rank smallint NOT NULL DEFAULT 4;
  ALTER TABLE ready_attempts
    ALTER COLUMN rank TYPE smallint USING (priority * 2 + (attempt_number > 1)::int)::smallint,
    ALTER COLUMN priority SET DEFAULT 2;
  CREATE INDEX idx_ready_attempts_lane ON ready_attempts (lane_id, rank, due_at);
  DROP INDEX idx_ready_attempts_due;`;

/*
 * Lanes in care: those with a limit of their own and those whose breaker is not at rest. A healthy lane without limits
 * has no row. One worker at a time owns a lane in care and it alone claims from it, so limits hold over all processes.
 */
const LANES = `
  CREATE TABLE lanes (
    tenant_id varchar(50) NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    lane_id uuid NOT NULL,
    destination_name varchar(100) NOT NULL,
    owned_by uuid,
    owned_until timestamptz,
    breaker varchar(20) NOT NULL DEFAULT 'closed'
      CHECK (breaker IN ('closed', 'open', 'half_open', 'recovering')),
    consecutive_failures integer NOT NULL DEFAULT 0,
    opened_at timestamptz,
    probe_at timestamptz,
    paused_until timestamptz,
    reset_at timestamptz,
    PRIMARY KEY (tenant_id, lane_id)
  ) WITH (fillfactor = 70);
  ${tenantPolicies('lanes')}
  GRANT SELECT, UPDATE ON lanes TO distributor_app;
  GRANT SELECT, INSERT, UPDATE, DELETE ON lanes TO distributor_system;`;
