import {
  columnsOf,
  ID,
  type Key,
  type KeyColumn,
  LOWEST_ID,
  startOf,
  textsOf,
  valuesIn,
} from '../database/keyset';
import { type Statement } from '../database/statement';

/** The kinds of lines that carry a record. `export` is the first line, `end` the last. */
export const RECORD_TYPES = [
  'tenant',
  'user',
  'api_key',
  'signing_secret',
  'destination',
  'destination_version',
  'rule',
  'data_type',
  'configuration_version',
  'transform',
  'batch',
  'job',
  'attempt',
  'log_line',
  'event',
  'callback',
  'dead_letter',
  'bulk_operation',
  'erasure',
  'audit_entry',
] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

interface Source {
  type: RecordType;
  table: string;
  key: Key;
  /** What nobody is to read: hashes, secrets. Sealed texts elsewhere are masked. */
  without?: readonly string[];
  /** Which rows: of the tenant $1, or of the jobs $1. */
  where: string;
}

const OF_TENANT = 'tenant_id = $1';
const OF_JOBS = 'distribution_job_id = ANY ($1::uuid[])';

export interface RecordPages {
  type: RecordType;
  /** Before the first row. */
  start: string[];
  /** $1 the tenant or jobs, $2 the key that the page before ended with; rows of `record` and `key`. */
  page: Statement;
}

export type RecordRow = { record: string; key: string[] };

export const ROWS_AT_ONCE = 100;

/** Of an address the query is left out: it may hold a secret of whoever is called. */
const WITHOUT_QUERY = `CASE WHEN t ? 'callback_url'
  THEN jsonb_build_object('callback_url', regexp_replace(t ->> 'callback_url', '[?].*', '?…')) ELSE '{}' END`;

const pagesOf = ({ type, table, key, without = [], where }: Source): RecordPages => {
  const columns = columnsOf(key);
  const hidden = without.map((name) => `'${name}'`).join(', ');
  return {
    type,
    start: startOf(key),
    page: {
      name: `export_${type}_${where === OF_TENANT ? 'of_tenant' : 'of_jobs'}`,
      text: `
        SELECT ((t - ARRAY[${hidden}]::text[]) || ${WITHOUT_QUERY})::text AS record, key
        FROM (
          SELECT to_jsonb(r) AS t, ${textsOf(key)} AS key
          FROM ${table} r WHERE ${where} AND (${columns}) > (${valuesIn(key, '$2')})
          ORDER BY ${columns} LIMIT ${ROWS_AT_ONCE}
        ) page`,
    },
  };
};

const OF_A_JOB: Key = [['distribution_job_id', 'uuid', LOWEST_ID]];

/** What belongs to jobs and is found by them alone. */
const HISTORY: readonly Source[] = [
  { type: 'attempt', table: 'distribution_attempts', key: [...OF_A_JOB, ...ID], where: OF_JOBS },
  {
    type: 'log_line',
    table: 'attempt_logs',
    key: [...OF_A_JOB, ['attempt_id', 'uuid', LOWEST_ID], ['line_number', 'bigint', '-1']],
    where: OF_JOBS,
  },
  {
    type: 'event',
    table: 'distribution_job_events',
    key: [...OF_A_JOB, ['id', 'bigint', '-1']],
    where: OF_JOBS,
  },
];

export const RECORDS_OF_JOBS = HISTORY.map(pagesOf);

/** What a tenant has in few rows or found by the tenant; in an export of a subject found by its jobs. */
const CALLBACKS: Source = { type: 'callback', table: 'distribution_callbacks', key: ID, where: OF_TENANT };
const DEAD_LETTERS: Source = { type: 'dead_letter', table: 'dead_letters', key: ID, where: OF_TENANT };

const DELIVERIES_OF_JOBS = `delivery_id = ANY (ARRAY(
  SELECT (d ->> 'delivery_id')::uuid FROM distribution_jobs j CROSS JOIN LATERAL jsonb_array_elements(j.destinations) d
  WHERE j.id = ANY ($1::uuid[])))`;

export const RECORDS_OF_SUBJECT = [
  ...HISTORY,
  { ...CALLBACKS, where: OF_JOBS },
  { ...DEAD_LETTERS, where: DELIVERIES_OF_JOBS },
].map(pagesOf);

const VERSION: KeyColumn = ['version', 'bigint', '-1'];

export const RECORDS_BEFORE_JOBS = (
  [
    { type: 'tenant', table: 'tenants', key: [['id', 'text', '']], where: 'id = $1' },
    { type: 'user', table: 'users', key: ID, without: ['password_hash'], where: OF_TENANT },
    { type: 'api_key', table: 'api_keys', key: ID, without: ['key_hash'], where: OF_TENANT },
    { type: 'signing_secret', table: 'signing_secrets', key: ID, without: ['secret'], where: OF_TENANT },
    { type: 'destination', table: 'destinations', key: ID, where: OF_TENANT },
    {
      type: 'destination_version',
      table: 'destination_configs',
      key: [['destination_id', 'uuid', LOWEST_ID], VERSION],
      where: OF_TENANT,
    },
    { type: 'rule', table: 'distribution_rules', key: ID, where: OF_TENANT },
    { type: 'data_type', table: 'data_types', key: [['id', 'text', '']], where: OF_TENANT },
    {
      type: 'configuration_version',
      table: 'configuration_versions',
      key: [['kind', 'text', ''], ['resource_id', 'text', ''], VERSION],
      where: OF_TENANT,
    },
    { type: 'transform', table: 'transforms', key: ID, where: OF_TENANT },
    { type: 'batch', table: 'distribution_batches', key: ID, where: OF_TENANT },
  ] satisfies Source[]
).map(pagesOf);

export const RECORDS_AFTER_JOBS = (
  [
    CALLBACKS,
    DEAD_LETTERS,
    { type: 'bulk_operation', table: 'bulk_operations', key: ID, where: OF_TENANT },
    { type: 'erasure', table: 'erasures', key: ID, without: ['subject_value'], where: OF_TENANT },
    { type: 'audit_entry', table: 'audit_log', key: [['sequence', 'bigint', '-1']], where: OF_TENANT },
  ] satisfies Source[]
).map(pagesOf);

/** The payload goes as the text that it is, so that no number in it is rounded. `callback` holds sealed headers. */
export const EXPORT_JOBS = {
  name: 'export_jobs',
  text: `
    SELECT ((t - ARRAY['payload', 'callback']) || ${WITHOUT_QUERY})::text AS record, payload::text AS payload, options,
      tenant_id
    FROM distribution_jobs r CROSS JOIN LATERAL (SELECT to_jsonb(r) AS t) j
    WHERE id = ANY ($1::uuid[]) ORDER BY id`,
};
