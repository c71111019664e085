import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner } from './support';

/**
 * The foreign key from attempts to jobs, kept by each month's partition instead of by the whole table: job and
 * attempts always lie in the same month. Through the partitioned table the check of one row cost as much as all
 * other work of storing a job, because PostgreSQL finds the partition anew for each. What it promises is the same:
 * tenant and job of an attempt exist, and a job that goes takes its attempts along.
 *
 * The months that are there get it NOT VALID, which checks new rows only: the key that goes has checked the old ones,
 * and their number may be large.
 */
export class PartitionKeys1763600000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `ALTER TABLE distribution_attempts
         DROP CONSTRAINT distribution_attempts_tenant_id_distribution_job_id_fkey`,
      createMonthPartitions(KEY_OF_MONTH),
      everyMonth(`
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I FOREIGN KEY (tenant_id, distribution_job_id)
          REFERENCES %I (tenant_id, id) ON DELETE CASCADE NOT VALID', part, part || '_job_fkey',
          replace(part, 'distribution_attempts', 'distribution_jobs'));`),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      everyMonth(`EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', part, part || '_job_fkey');`),
      createMonthPartitions(''),
      `ALTER TABLE distribution_attempts ADD FOREIGN KEY (tenant_id, distribution_job_id)
         REFERENCES distribution_jobs (tenant_id, id) ON DELETE CASCADE`,
    );
  }
}

const everyMonth = (work: string): string => `
  DO $$
  DECLARE
    part text;
  BEGIN
    FOR part IN
      SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'distribution_attempts'::regclass
    LOOP
      ${work}
    END LOOP;
  END $$`;

/** Jobs come before attempts in the list of tables. */
const KEY_OF_MONTH = `
        IF parent = 'distribution_attempts' THEN
          EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I FOREIGN KEY (tenant_id, distribution_job_id)
            REFERENCES %I (tenant_id, id) ON DELETE CASCADE', part, part || '_job_fkey',
            replace(part, 'distribution_attempts', 'distribution_jobs'));
        END IF;`;

/** As in 0004-jobs.ts, with what else a new partition gets. */
const createMonthPartitions = (more: string): string => `
  CREATE OR REPLACE FUNCTION create_month_partitions(moment timestamptz, months integer) RETURNS void
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
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);${more}
      END LOOP;
    END LOOP;
  END $$`;
