import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * Erasure of a tenant or of a data subject, in steps that remember how far they are. It works in the tenant's own
 * session, so that row-level security keeps it from every other tenant; for that the session may now delete what it
 * may write. The audit log stays as it is: nobody may delete from it.
 */
export class Erasures1763600000017 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      ERASURES,
      `ALTER TABLE tenants ADD COLUMN erased_at timestamptz`,
      `GRANT DELETE ON ${DELETABLE} TO distributor_app`,
      `GRANT SELECT ON rate_limits TO distributor_app`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `REVOKE SELECT ON rate_limits FROM distributor_app`,
      `REVOKE DELETE ON ${DELETABLE} FROM distributor_app`,
      `ALTER TABLE tenants DROP COLUMN erased_at`,
      `DROP TABLE erasures`,
    );
  }
}

const DELETABLE = `distribution_jobs, distribution_attempts, attempt_logs, distribution_job_events, distribution_keys,
  distribution_callbacks, distribution_batches, dead_letters, ordering_blocks, bulk_operations, destinations,
  destination_configs, destination_health_checks, destination_health_states, retry_policy_changes, lanes,
  configuration_versions, configuration_revisions, signing_secrets, api_keys, rate_limits`;

// Without a subject the whole tenant. The subject's value is sealed, and gone at the end; its keyed hash tells two
// erasures of the same subject alike. `position` is the last job that was dealt with.
const ERASURES = `
  CREATE TABLE erasures (
    id uuid NOT NULL,
    tenant_id varchar(50) NOT NULL,
    subject_path text,
    subject_value text,
    subject_hash bytea,
    dry_run boolean NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed')),
    position uuid,
    examined integer NOT NULL DEFAULT 0,
    unreadable integer NOT NULL DEFAULT 0,
    waiting integer NOT NULL DEFAULT 0,
    counts jsonb NOT NULL DEFAULT '{}',
    created_by varchar(200) NOT NULL,
    request_id varchar(100),
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((subject_path IS NULL) = (subject_hash IS NULL)),
    CHECK ((subject_value IS NOT NULL) = (subject_path IS NOT NULL AND status = 'running'))
  );
  CREATE UNIQUE INDEX uk_erasures_running ON erasures (tenant_id) WHERE status = 'running';
  ${tenantPolicies('erasures')}
  GRANT SELECT, INSERT, UPDATE ON erasures TO distributor_app;
  GRANT SELECT, UPDATE (subject_value) ON erasures TO distributor_system;`;
