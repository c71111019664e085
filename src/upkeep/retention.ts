import { type Duty } from './duty';

/**
 * Partitions of months that ended before the retention began, by the name that every one of them carries. A month
 * with a delivery still to come (a late deliver_at) stays until that is settled.
 */
const OLD_MONTHS = {
  name: 'old_months',
  text: `
    SELECT month
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (
      SELECT to_date(substring(c.relname FROM 'y(\\d{4}m\\d{2})$'), 'YYYY"m"MM')::timestamp AT TIME ZONE 'UTC' AS month
    ) m
    WHERE i.inhparent = 'distribution_jobs'::regclass
      AND month < date_trunc('month', now(), 'UTC') - make_interval(months => $1)
      AND NOT EXISTS (
        SELECT FROM ready_attempts r
        WHERE r.distribution_job_id < first_uuid_of_month(month + interval '32 days')
      )
    ORDER BY month`,
};

const DROP_MONTH = { name: 'drop_month', text: `SELECT drop_month_partitions($1)` };

/** What else there is of jobs that have left, the month $1 the last; ids of batches sort by time as jobs' do. */
const PRUNE = [
  `DELETE FROM distribution_keys WHERE distribution_job_id < first_uuid_of_month($1 + interval '32 days')`,
  `DELETE FROM idempotency_keys WHERE distribution_job_id < first_uuid_of_month($1 + interval '32 days')`,
  `DELETE FROM distribution_batches WHERE id < first_uuid_of_month($1 + interval '32 days')`,
  `DELETE FROM distribution_callbacks
   WHERE status <> 'pending' AND (distribution_job_id < first_uuid_of_month($1 + interval '32 days')
     OR batch_id < first_uuid_of_month($1 + interval '32 days'))`,
  `DELETE FROM dead_letters WHERE distribution_job_id < first_uuid_of_month($1 + interval '32 days')`,
].map((text, index) => ({ name: `prune_${index}`, text: text.replaceAll('$1', '$1::timestamptz') }));

/** A month leaves by dropping its tables, in milliseconds, however much it holds. */
export const retention = (months: number): Duty => ({
  name: 'retention',
  everySeconds: 6 * 3600,
  async run(tx) {
    const old = await tx.query<{ month: Date }>(OLD_MONTHS, [months]);
    const last = old.at(-1);
    if (last === undefined) return;
    for (const { month } of old) await tx.query(DROP_MONTH, [month]);
    for (const statement of PRUNE) await tx.query(statement, [last.month]);
  },
});
