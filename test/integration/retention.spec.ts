import { type Client } from 'pg';
import { retention } from '../../src/upkeep/retention';
import { withUpkeepDatabase } from '../support/upkeep-database';

const KEPT_MONTHS = 24;

/** A job of that month with its name, and where asked for a delivery still to come. */
const OLD_JOB = `
  WITH job AS (
    INSERT INTO distribution_jobs (id, tenant_id, distribution_id, data_type, payload, destinations, correlation_id,
      submitted_by, open_deliveries)
    VALUES (first_uuid_of_month($1), 'roma', $2, 'report', '{}', '[]', 'c', 'test', $3) RETURNING id
  ), named AS (
    INSERT INTO distribution_keys (tenant_id, distribution_id, distribution_job_id) SELECT 'roma', $2, id FROM job
  ), letter AS (
    INSERT INTO dead_letters (id, tenant_id, distribution_job_id, distribution_id, delivery_id, attempt_id,
      destination_name, data_type, error_code, error_message, attempts, expires_at)
    SELECT gen_random_uuid(), 'roma', id, $2, gen_random_uuid(), gen_random_uuid(), 'x', 'report', 'HTTP_422', 'no', 1,
      now() + interval '1 year' FROM job
  ), told AS (
    INSERT INTO distribution_callbacks (id, tenant_id, distribution_job_id, event_type, callback_url, status)
    SELECT gen_random_uuid(), 'roma', id, 'distribution.failed', 'http://there', 'failed' FROM job
  )
  INSERT INTO ready_attempts (delivery_id, tenant_id, distribution_job_id, attempt_id, attempt_number,
    destination_name, position, lane_id, rank, due_at)
  SELECT gen_random_uuid(), 'roma', id, gen_random_uuid(), 1, 'x', 0, gen_random_uuid(), 2, now() + interval '1 year'
  FROM job WHERE $3 > 0`;

const LEFT_WITH_JOBS = ['distribution_jobs', 'distribution_keys', 'dead_letters', 'distribution_callbacks'];

async function countsOf(admin: Client, tables: string[]): Promise<(number | null)[]> {
  const counts: (number | null)[] = [];
  for (const table of tables) counts.push((await admin.query(`SELECT FROM ${table}`)).rowCount);
  return counts;
}

describe('retention', () => {
  // A server that lives east of Greenwich begins its months before UTC does; the partitions do not.
  it.each(['UTC', 'Europe/Rome', 'America/New_York'])('drops whole months by UTC, as seen from %s', (zone) =>
    withUpkeepDatabase(async ({ name, admin, run }) => {
      await admin.query(`ALTER DATABASE ${name} SET timezone = '${zone}'`);
      await admin.query(`SELECT create_month_partitions('2020-03-15T00:00:00Z', 3)`);
      await admin.query(OLD_JOB, ['2020-03-15T00:00:00Z', 'march', 0]);
      await admin.query(OLD_JOB, ['2020-04-15T00:00:00Z', 'april', 1]);
      await admin.query(OLD_JOB, ['2020-05-15T00:00:00Z', 'may', 0]);
      await run(retention(KEPT_MONTHS));
      const jobs = await admin.query('SELECT distribution_id FROM distribution_jobs ORDER BY id');
      // March goes. April and what comes after the month of an open delivery stay until it is settled.
      expect(jobs.rows.map((row: { distribution_id: string }) => row.distribution_id)).toEqual([
        'april',
        'may',
      ]);
      const names = await admin.query('SELECT distribution_id FROM distribution_keys ORDER BY 1');
      expect(names.rows).toEqual([{ distribution_id: 'april' }, { distribution_id: 'may' }]);
      expect(await countsOf(admin, LEFT_WITH_JOBS)).toEqual([2, 2, 2, 2]);
      await admin.query('DELETE FROM ready_attempts');
      await run(retention(KEPT_MONTHS));
      expect(await countsOf(admin, LEFT_WITH_JOBS)).toEqual([0, 0, 0, 0]);
      expect((await admin.query(`SELECT FROM pg_class WHERE relname ~ '_y2020m'`)).rowCount).toBe(0);
    }),
  );
});
