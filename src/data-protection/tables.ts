/**
 * Every table that holds rows of a tenant is named here once; test/integration/catalogue.spec.ts finds one that is missing.
 */

/** What belongs to a job, and how it is found: `job` and `delivery` are the rows of the jobs $1. */
export const TABLES_OF_JOBS = {
  distribution_attempts: 'distribution_job_id = ANY ($1::uuid[])',
  attempt_logs: 'distribution_job_id = ANY ($1::uuid[])',
  distribution_job_events: 'distribution_job_id = ANY ($1::uuid[])',
  distribution_callbacks: 'distribution_job_id = ANY ($1::uuid[])',
  dead_letters: 'delivery_id = ANY (ARRAY(SELECT delivery_id FROM delivery))',
  ordering_blocks: 'delivery_id = ANY (ARRAY(SELECT delivery_id FROM delivery))',
  ready_attempts: 'delivery_id = ANY (ARRAY(SELECT delivery_id FROM delivery))',
  idempotency_keys:
    'idempotency_key = ANY (ARRAY(SELECT idempotency_key FROM job)) AND distribution_job_id = ANY ($1::uuid[])',
  distribution_keys:
    'distribution_id = ANY (ARRAY(SELECT distribution_id FROM job)) AND distribution_job_id = ANY ($1::uuid[])',
  distribution_jobs: 'id = ANY ($1::uuid[])',
} as const;

const OLDEST_JOB = `COALESCE(
  (SELECT id FROM distribution_jobs ORDER BY id LIMIT 1), 'ffffffff-ffff-ffff-ffff-ffffffffffff')`;
const noJobsOf = (batch: string): string =>
  `NOT EXISTS (SELECT FROM distribution_jobs j WHERE j.batch_id = ${batch})`;

/**
 * What is left of jobs that have left the history: whom it is about cannot be found out any more. A batch of which
 * nothing was accepted never had a job.
 */
export const TABLES_OF_PAST_JOBS: readonly (readonly [table: string, past: string])[] = [
  ['dead_letters', `distribution_job_id < ${OLDEST_JOB}`],
  [
    'distribution_callbacks',
    `(distribution_job_id < ${OLDEST_JOB} OR batch_id < ${OLDEST_JOB} AND ${noJobsOf('distribution_callbacks.batch_id')})`,
  ],
  [
    'distribution_batches',
    `accepted_distributions > 0 AND id < ${OLDEST_JOB} AND ${noJobsOf('distribution_batches.id')}`,
  ],
];

/**
 * What else a tenant has, in an order that no foreign key forbids. Some belong to jobs as well: what is left of them
 * belongs to batches, or to jobs that have left the history. Their second entry is what a dry run counts here.
 */
export const TABLES_OF_TENANT: readonly (readonly [table: string, counted: string])[] = [
  ['users', 'true'],
  ['api_keys', 'true'],
  ['ready_attempts', 'false'],
  ['ordering_blocks', 'false'],
  ['distribution_callbacks', 'batch_id IS NOT NULL'],
  ['dead_letters', 'NOT EXISTS (SELECT FROM distribution_jobs j WHERE j.id = distribution_job_id)'],
  ['idempotency_keys', 'false'],
  ['distribution_keys', 'false'],
  ['distribution_batches', 'true'],
  ['bulk_operations', 'true'],
  ['retry_policy_changes', 'true'],
  ['destination_health_states', 'true'],
  ['destination_health_checks', 'true'],
  ['destination_configs', 'true'],
  ['destinations', 'true'],
  ['lanes', 'true'],
  ['distribution_rules', 'true'],
  ['data_types', 'true'],
  ['transforms', 'true'],
  ['configuration_versions', 'true'],
  ['configuration_revisions', 'true'],
  ['signing_secrets', 'true'],
  ['rate_limits', 'true'],
  ['sql_requests', 'true'],
  ['sql_clients', 'true'],
];

/** The tombstone, the log of what was done, and the erasures themselves. */
export const TABLES_KEPT = ['tenants', 'audit_log', 'erasures'] as const;
