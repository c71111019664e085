import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * Destinations whose retry policy was changed, until what waits under the old one has been looked through
 * (src/upkeep/retry-policies.ts). Written in the transaction of the change, so that none is forgotten.
 */
export class RetryPolicyChanges1763600000015 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, CHANGES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(runner, 'DROP TABLE retry_policy_changes');
  }
}

const CHANGES = `
  CREATE TABLE retry_policy_changes (
    tenant_id varchar(50) NOT NULL,
    destination_id uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, destination_id),
    FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations (tenant_id, id) ON DELETE CASCADE
  );
  ${tenantPolicies('retry_policy_changes')}
  GRANT SELECT, INSERT, UPDATE ON retry_policy_changes TO distributor_app;
  GRANT SELECT, UPDATE, DELETE ON retry_policy_changes TO distributor_system;`;
