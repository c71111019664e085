import { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { inWorld, type World } from '../delivery/world';
import { PAYLOAD, submitAll } from '../load';
import { type Receiver } from '../processes';
import { type Report } from '../report';
import { warmedUp } from './amqp';

const JOBS = 40_000;
/** Of both; the compiler of a process that has just started is at work for so long. */
const WARM_UP = 20_000;
const TOGETHER = 200;
const SIDE_BY_SIDE = 4;

/** NDJSON over HTTP, against the same rows put into plain copies of the tables: no HTTP, no rules, no policies. */
export async function bulkIntake(report: Report, receiver: Receiver): Promise<void> {
  await inWorld(receiver, { ROLE: 'api' }, async (world) => {
    const submitter = await warmedUp(world);
    await submitAll(submitter, WARM_UP);
    const baseline = await bareInserts(world);
    const started = performance.now();
    await submitAll(submitter, JOBS);
    const value = JOBS / ((performance.now() - started) / 1000);
    report({
      scenario: 'intake',
      figure: 'intake_bulk',
      value,
      unit: '/s',
      baseline: 'bare_unnest',
      baseline_value: baseline,
      ratio: value / baseline,
    });
  });
}

const TABLES = ['distribution_jobs', 'distribution_keys', 'distribution_attempts', 'ready_attempts'];

const INSERTS = [
  `INSERT INTO bare.distribution_keys (tenant_id, distribution_id, distribution_job_id)
   SELECT 'bench', id::text, id FROM unnest($1::uuid[]) AS j (id)`,
  `INSERT INTO bare.distribution_jobs (id, tenant_id, distribution_id, data_type, payload, destinations, plan,
     correlation_id, submitted_by, open_deliveries)
   SELECT id, 'bench', id::text, 'report', payload, '[{"name": "archive"}]', '{"outcome": "deliver"}', id::text,
     'key:bench', 1
   FROM unnest($1::uuid[], $2::jsonb[]) AS j (id, payload)`,
  `INSERT INTO bare.distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_name,
     attempt_number)
   SELECT id, 'bench', id, id, 'archive', 1 FROM unnest($1::uuid[]) AS j (id)`,
  `INSERT INTO bare.ready_attempts (delivery_id, tenant_id, distribution_job_id, attempt_id, attempt_number,
     destination_name, position, lane_id, rank, due_at)
   SELECT id, 'bench', id, id, 1, 'archive', 0, $2::uuid, 4, now() FROM unnest($1::uuid[]) AS j (id)`,
];

/** Jobs a second, as many in a commit and as many commits side by side as the bulk requests have. */
async function bareInserts(world: World): Promise<number> {
  await world.rows(`CREATE SCHEMA bare`);
  for (const table of TABLES)
    await world.rows(`CREATE TABLE bare.${table} (LIKE public.${table} INCLUDING ALL)`);
  const clients = Array.from(
    { length: SIDE_BY_SIDE },
    () => new Client({ connectionString: world.deployment.databaseUrl }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  const payload = JSON.stringify(PAYLOAD);
  const lane = uuidv7();
  const insert = async (client: Client): Promise<void> => {
    const ids = Array.from({ length: TOGETHER }, () => uuidv7());
    await client.query('BEGIN');
    for (const [at, text] of INSERTS.entries()) {
      const values = [ids, ...(at === 1 ? [ids.map(() => payload)] : []), ...(at === 3 ? [lane] : [])];
      await client.query({ name: `bare_${at}`, text, values });
    }
    await client.query('COMMIT');
  };
  const all = (jobs: number): Promise<void[]> => {
    let left = jobs;
    return Promise.all(
      clients.map(async (client) => {
        for (; left > 0; left -= TOGETHER) await insert(client);
      }),
    );
  };
  await all(WARM_UP);
  const started = performance.now();
  await all(JOBS);
  const passed = performance.now() - started;
  await Promise.all(clients.map((client) => client.end()));
  return JOBS / (passed / 1000);
}
