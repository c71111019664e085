import { type Duty } from './duty';

/**
 * Partitions of months that ended before the retention began, by the name that every one of them carries. A month
 * with a delivery still to come (a late deliver_at) stays until that is settled.
 */
const OLD_MONTHS = {
  name: 'old_months',
  text: `
    SELECT to_timestamp(substring(c.relname FROM 'y(\\d{4}m\\d{2})$'), 'YYYY"m"MM') AS month
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'distribution_jobs'::regclass
      AND to_timestamp(substring(c.relname FROM 'y(\\d{4}m\\d{2})$'), 'YYYY"m"MM')
        < date_trunc('month', now()) - make_interval(months => $1)
      AND NOT EXISTS (
        SELECT FROM ready_attempts r
        WHERE r.distribution_job_id < first_uuid_of_month(
          to_timestamp(substring(c.relname FROM 'y(\\d{4}m\\d{2})$'), 'YYYY"m"MM') + interval '1 month')
      )
    ORDER BY 1`,
};

const DROP_MONTH = { name: 'drop_month', text: `SELECT drop_month_partitions($1)` };

/** Names, keys, batches and callbacks of jobs that have left; their ids sort by time as the jobs' do. */
const PRUNE = [
  'DELETE FROM distribution_keys WHERE distribution_job_id < first_uuid_of_month(now() - make_interval(months => $1))',
  'DELETE FROM idempotency_keys WHERE distribution_job_id < first_uuid_of_month(now() - make_interval(months => $1))',
  'DELETE FROM distribution_batches WHERE id < first_uuid_of_month(now() - make_interval(months => $1))',
  `DELETE FROM distribution_callbacks
   WHERE created_at < date_trunc('month', now()) - make_interval(months => $1) AND status <> 'pending'`,
].map((text, index) => ({ name: `prune_${index}`, text }));

/** A month leaves by dropping its tables, in milliseconds, however much it holds. */
export const retention = (months: number): Duty => ({
  name: 'retention',
  everySeconds: 6 * 3600,
  async run(tx) {
    const old = await tx.query<{ month: Date }>(OLD_MONTHS, [months]);
    if (old.length === 0) return;
    for (const { month } of old) await tx.query(DROP_MONTH, [month]);
    for (const statement of PRUNE) await tx.query(statement, [months]);
  },
});
