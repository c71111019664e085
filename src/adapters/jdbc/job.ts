import { isUtf8 } from 'node:buffer';
import { type Delivery } from '../port';
import { type Dialect, identifierIssue } from './dialect';
import {
  type ColumnValue,
  compileMapping,
  mapRows,
  parseSource,
  rowsOf,
  type Source,
  valueAt,
} from './mapping';
import { type JdbcConfiguration, type Mode } from './schema';
import { type TableShape } from './sql';
import { type ParsedStatement, parseStatement } from './statement';
import { parseTable, type TableName } from './table-name';

/** What one delivery asks of the database: rows for a table, or sets of parameters for a statement. */
export type Job =
  | { kind: 'table'; mode: Exclude<Mode, 'statement'>; shape: TableShape; values: ColumnValue[][] }
  | { kind: 'statement'; sql: string; values: ColumnValue[][] };

export type PreparedJob = { ok: true; job: Job } | { ok: false; issue: string };

/** Compiled once for a destination. Throws for a configuration that `parse` would have refused. */
export type JobMaker = (delivery: Delivery) => PreparedJob;

const fault = (issue: string): PreparedJob => ({ ok: false, issue });

export function jobMaker(configuration: JdbcConfiguration, dialect: Dialect): JobMaker {
  const mode = configuration.mode ?? 'insert';
  const make =
    mode === 'statement' ? statementJobs(configuration, dialect) : tableJobs(configuration, dialect, mode);
  // PostgreSQL's text has no NUL: found here, since no repeat would help.
  if (dialect.name !== 'postgresql') return make;
  return (delivery) => {
    const prepared = make(delivery);
    const hasNul = prepared.ok && prepared.job.values.some((row) => row.some(holdsNul));
    return hasNul ? fault('a value has a NUL character, which PostgreSQL cannot hold') : prepared;
  };
}

const holdsNul = (value: ColumnValue): boolean =>
  (typeof value === 'string' && value.includes('\0')) ||
  (Buffer.isBuffer(value) && value.includes(0) && isUtf8(value));

function tableJobs(
  configuration: JdbcConfiguration,
  dialect: Dialect,
  mode: Exclude<Mode, 'statement'>,
): JobMaker {
  const table = parseTable(configuration.table ?? '', dialect);
  if (!table.ok) throw new Error(`table ${table.issue}`);
  const mapping = compileMapping(configuration);
  const keys = keysOf(configuration, mode);
  return (delivery) => {
    const rows = rowsOf(delivery.payload, configuration.rows);
    if (!rows.ok) return rows;
    const mapped = mapRows(mapping, delivery, rows.rows);
    if (!mapped.ok) return mapped;
    const { columns, values } = mapped.table;
    const issue =
      values.length === 0
        ? undefined
        : (shapeIssue(dialect, mode, columns, keys) ?? keyIssue(columns, keys, values));
    if (issue !== undefined) return fault(issue);
    return named(table.name, delivery, (parts) => {
      const job: Job = { kind: 'table', mode, shape: { table: parts, columns, keys }, values };
      return { ok: true, job: mode === 'upsert' ? lastOfEachKey(job) : job };
    });
  };
}

function named(table: TableName, delivery: Delivery, make: (parts: string[]) => PreparedJob): PreparedJob {
  const name = table(delivery);
  return name.ok ? make(name.parts) : fault(`table: ${name.issue}`);
}

/** Which columns tell rows apart: for an insert those that carry the delivery's id. */
function keysOf(configuration: JdbcConfiguration, mode: Mode): string[] {
  if (mode !== 'insert') return configuration.key_fields ?? [];
  return [configuration.delivery_id_column, configuration.row_number_column].filter(
    (name) => name !== undefined,
  );
}

function shapeIssue(
  dialect: Dialect,
  mode: Mode,
  columns: readonly string[],
  keys: readonly string[],
): string | undefined {
  if (columns.length === 0) return 'the job has no field to write';
  if (columns.length > dialect.maxParameters) return 'the job has more fields than the database takes';
  for (const name of columns) {
    const issue = identifierIssue(dialect, name);
    if (issue !== undefined) return `a column's name ${issue}`;
  }
  const missing = keys.find((key) => !columns.includes(key));
  if (missing !== undefined) return `key_fields: nothing is mapped to the column "${missing}"`;
  if (mode === 'update' && columns.every((name) => keys.includes(name)))
    return 'the job has no field to change';
  return undefined;
}

/** A key that is NULL equals nothing: the row would be written again with each repeat, or never found. */
function keyIssue(
  columns: readonly string[],
  keys: readonly string[],
  values: readonly ColumnValue[][],
): string | undefined {
  for (const key of keys) {
    const at = columns.indexOf(key);
    const row = values.findIndex((one) => (one[at] ?? null) === null);
    if (row !== -1) return `key_fields: the job has no value for the column "${key}" (row ${row + 1})`;
  }
  return undefined;
}

/** One statement may not write a row twice; of several with the same key the last one counts, as one by one. */
function lastOfEachKey(job: Job & { kind: 'table' }): Job {
  const { columns, keys } = job.shape;
  if (job.values.length < 2) return job;
  const at = keys.map((key) => columns.indexOf(key));
  const last = new Map(job.values.map((row) => [JSON.stringify(at.map((index) => row[index])), row]));
  return { ...job, values: [...last.values()] };
}

/** Names that a statement may use without a mapping, beside the fields of the row. */
const FACTS: Readonly<Record<string, (delivery: Delivery) => string>> = {
  delivery_id: ({ deliveryId }) => deliveryId,
  tenant_id: ({ tenantId }) => tenantId,
  distribution_id: ({ distributionId }) => distributionId,
  destination_name: ({ destinationName }) => destinationName,
  data_type: ({ dataType }) => dataType,
  correlation_id: ({ correlationId }) => correlationId,
};

function statementJobs(configuration: JdbcConfiguration, dialect: Dialect): JobMaker {
  const parsed = parseStatement(configuration.statement ?? '', dialect);
  if (!parsed.ok) throw new Error(`statement ${parsed.issue}`);
  const { statement } = parsed;
  const sources = statement.names.map((name) => parameterSource(configuration, name));
  const mapping = compileMapping(configuration);
  return (delivery) => {
    const rows = rowsOf(delivery.payload, configuration.rows);
    if (!rows.ok) return rows;
    const checked = mapping.failUnmapped ? mapRows(mapping, delivery, rows.rows) : { ok: true as const };
    if (!checked.ok) return checked;
    return parameters(statement, sources, delivery, rows.rows);
  };
}

/** From `columns`, then the facts of the delivery, then the row's own field, which must be there. */
function parameterSource(configuration: JdbcConfiguration, name: string): Source {
  const columns = configuration.columns ?? {};
  const text = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (text !== undefined) {
    const parsed = parseSource(text);
    if (!parsed.ok) throw new Error(`columns.${name} ${parsed.issue}`);
    return parsed.source;
  }
  const fact = Object.hasOwn(FACTS, name) ? FACTS[name] : undefined;
  if (fact !== undefined) return (delivery) => ({ ok: true, value: fact(delivery) });
  return (_delivery, row) => {
    const value = valueAt(row, [name]);
    return value === undefined ? { ok: false, issue: 'the job has no such field' } : { ok: true, value };
  };
}

function parameters(
  { sql, names }: ParsedStatement,
  sources: readonly Source[],
  delivery: Delivery,
  rows: Parameters<typeof mapRows>[2],
): PreparedJob {
  const values: ColumnValue[][] = [];
  for (const row of rows) {
    const one: ColumnValue[] = [];
    for (const [index, source] of sources.entries()) {
      const read = source(delivery, row);
      if (!read.ok) return fault(`statement: parameter :${names[index]}: ${read.issue}`);
      one.push(read.value);
    }
    values.push(one);
  }
  return { ok: true, job: { kind: 'statement', sql, values } };
}
