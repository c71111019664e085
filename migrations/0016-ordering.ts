import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * Deliveries with an ordering key go out one after the other. A process of the version before that runs meanwhile
 * accepts without order, and leaves it to the duty `ordering` to let the next one go.
 */
export class Ordering1763600000016 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, KEYS, BLOCKS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `DROP TABLE ordering_blocks`,
      `DROP INDEX idx_ready_attempts_ordering`,
      `ALTER TABLE ready_attempts DROP COLUMN ordering_key, DROP COLUMN ordering_seq`,
      `DROP SEQUENCE ordering_seq`,
    );
  }
}

// The key is the MD5 of the submitter's: narrow, and nothing personal. Without one both columns are null, and no index
// has the row. What waits behind another delivery of its key is due at infinity.
const KEYS = `
  CREATE SEQUENCE ordering_seq;
  GRANT USAGE ON SEQUENCE ordering_seq TO distributor_app;
  ALTER TABLE ready_attempts ADD COLUMN ordering_key uuid, ADD COLUMN ordering_seq bigint;
  CREATE INDEX idx_ready_attempts_ordering ON ready_attempts (lane_id, ordering_key, ordering_seq)
    WHERE ordering_key IS NOT NULL;`;

// Deliveries that failed for good where the destination says that what comes after them has to wait.
const BLOCKS = `
  CREATE TABLE ordering_blocks (
    tenant_id varchar(50) NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    delivery_id uuid NOT NULL,
    lane_id uuid NOT NULL,
    ordering_key uuid NOT NULL,
    ordering_seq bigint NOT NULL,
    blocked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, delivery_id)
  );
  CREATE INDEX idx_ordering_blocks_key ON ordering_blocks (lane_id, ordering_key, ordering_seq);
  ${tenantPolicies('ordering_blocks')}
  GRANT SELECT, INSERT ON ordering_blocks TO distributor_app;
  GRANT SELECT, DELETE ON ordering_blocks TO distributor_system;`;
