import { PAYLOAD } from '../load';
import { type Run } from './run';
import { endToEnd, warmedUp } from './throughput';
import { inWorld, type World } from './world';

const DESTINATIONS = 3;
const JOBS_AT_ONCE = 100_000;

/** Throughput over a history of so many attempts, all in this month's partition, to that of the empty database. */
export async function history({ report, receiver, scale }: Run): Promise<void> {
  await inWorld(receiver, {}, async (world) => {
    const submitter = { ...(await warmedUp(world)), destinations: ['one'] };
    const empty = await endToEnd(world, submitter, scale.jobs);
    await fill(world, Math.ceil(scale.history / DESTINATIONS));
    await endToEnd(world, submitter, scale.jobs / 4);
    const full = await endToEnd(world, submitter, scale.jobs);
    report.over(nameOf(scale.history), full, '/s', 'empty_database', empty);
  });
}

const nameOf = (attempts: number): string =>
  attempts >= 1e6 ? `history_${Math.round(attempts / 1e6)}m` : `history_${Math.round(attempts / 1000)}k`;

/** Jobs that were completed, with three attempts each, spread over the month so far; then what autovacuum would do. */
async function fill(world: World, jobs: number): Promise<void> {
  const started = performance.now();
  for (let from = 0; from < jobs; from += JOBS_AT_ONCE) {
    const to = Math.min(jobs, from + JOBS_AT_ONCE) - 1;
    await world.rows(historyFrom(from, to, jobs));
  }
  await world.rows('VACUUM (ANALYZE)');
  await world.rows('CHECKPOINT');
  console.log(
    `  ${jobs * DESTINATIONS} attempts of history in ${Math.round((performance.now() - started) / 1000)} s`,
  );
}

/** Ids are UUIDv7 of moments in this month. The jobs are inserted with their attempts, so no foreign key is asked. */
const historyFrom = (from: number, to: number, jobs: number): string => `
  SET session_replication_role = replica;
  CREATE TEMPORARY TABLE made AS
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || left(hash, 3) || '8' || right(hash, 15))::uuid
      AS id, at, number
    FROM (SELECT number, md5(number::text) AS hash,
            date_trunc('month', now()) + (now() - date_trunc('month', now())) * (number / ${jobs}.0) AS at
          FROM generate_series(${from}, ${to}) AS number) n;
  INSERT INTO distribution_keys (tenant_id, distribution_id, distribution_job_id) SELECT 'bench', id::text, id FROM made;
  INSERT INTO distribution_jobs (id, tenant_id, distribution_id, status, data_type, payload, destinations, created_at,
      started_at, completed_at, options, plan, correlation_id, submitted_by, open_deliveries)
    SELECT id, 'bench', id::text, 'completed', 'report', '${JSON.stringify({ ...PAYLOAD, data: {} })}', '[]', at, at, at,
      '{}', '{"outcome":"deliver","reasons":[]}', id::text, 'history', 0
    FROM made;
  INSERT INTO distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_name, attempt_number,
      status, started_at, completed_at, response_status_code, response_body)
    SELECT gen_random_uuid(), 'bench', id, gen_random_uuid(), 'destination-' || destination, 1, 'success', at, at, 200, 'ok'
    FROM made CROSS JOIN generate_series(1, ${DESTINATIONS}) AS destination;
  DROP TABLE made`;
