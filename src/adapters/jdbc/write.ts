import { type Dialect } from './dialect';
import { type SqlConnection } from './drivers/connection';
import { type Job } from './job';
import { type ColumnValue } from './mapping';
import { type IsolationLevel } from './schema';
import {
  deleteSql,
  existsSql,
  insertIgnoreSql,
  insertSql,
  type TableShape,
  updateOrder,
  updateSql,
  upsertSql,
} from './sql';
import { type ColumnTypes, needsType, type SqlValue, toSqlValue } from './values';

export interface WriteOptions {
  dialect: Dialect;
  batchSize: number;
  isolation: IsolationLevel | undefined;
  /** An update that finds no row is a failure. */
  rowMustExist: boolean;
  /** Rows of several deliveries: one that is there already is an error, since nobody could tell whose it is. */
  allNew?: boolean;
  columnTypes(connection: SqlConnection, table: readonly string[]): Promise<ColumnTypes>;
}

/** An update met no row: the database has no error for it. */
export class MissingRow extends Error {}

/** The rollback failed: nobody knows what the session is in the middle of. */
export class UncleanSession extends Error {}

interface Statement {
  sql: string;
  values: SqlValue[];
}

/**
 * Writes all rows of a job in one transaction, in as few statements as the database allows. Returns the rows
 * changed. After a rejection nothing is written and the session is clean, unless it is an UncleanSession.
 */
export async function write(connection: SqlConnection, job: Job, options: WriteOptions): Promise<number> {
  const statements = await statementsOf(connection, job, options);
  const single = statements.length === 1 && options.isolation === undefined;
  if (!single) await connection.begin(options.isolation);
  try {
    let affected = 0;
    for (const { sql, values } of statements) {
      const result = await connection.query(sql, values);
      if (result.affected === 0 && options.rowMustExist && job.kind === 'table' && job.mode === 'update') {
        throw new MissingRow('No row has these keys.');
      }
      affected += result.affected;
    }
    if (!single) await connection.commit();
    return affected;
  } catch (error) {
    if (!single) await rollBack(connection, error);
    throw error;
  }
}

async function rollBack(connection: SqlConnection, cause: unknown): Promise<void> {
  try {
    await connection.rollback();
  } catch {
    throw new UncleanSession('The rollback failed', { cause });
  }
}

/** Whether an insert of this delivery is there already: its rows came together, so the first one tells. */
export async function isWritten(connection: SqlConnection, job: Job, dialect: Dialect): Promise<boolean> {
  const first = job.values[0];
  if (job.kind !== 'table' || job.shape.keys.length === 0 || first === undefined) return false;
  const keys = pick(first, job.shape, job.shape.keys).map((value) => toSqlValue(dialect.name, value));
  return (await connection.query(existsSql(dialect, job.shape), keys)).affected > 0;
}

async function statementsOf(
  connection: SqlConnection,
  job: Job,
  options: WriteOptions,
): Promise<Statement[]> {
  const { name } = options.dialect;
  if (job.kind === 'statement') {
    return job.values.map((row) => ({ sql: job.sql, values: row.map((value) => toSqlValue(name, value)) }));
  }
  const asks = job.values.some((row) => row.some((value) => needsType(name, value)));
  const types = asks ? await options.columnTypes(connection, job.shape.table) : undefined;
  const { mode, shape } = job;
  if (mode === 'update' || mode === 'delete') {
    const order = mode === 'update' ? updateOrder(shape) : shape.keys;
    const sql = mode === 'update' ? updateSql(options.dialect, shape) : deleteSql(options.dialect, shape);
    const convert = (row: ColumnValue[]): SqlValue[] =>
      pick(row, shape, order).map((value, index) => toSqlValue(name, value, order[index], types));
    return job.values.map((row) => ({ sql, values: convert(row) }));
  }
  return batches(job.values, batchRows(options, shape)).map((rows) => ({
    sql: insertLike(options, mode, shape, rows.length),
    values: rows.flatMap((row) =>
      row.map((value, index) => toSqlValue(name, value, shape.columns[index], types)),
    ),
  }));
}

const pick = (row: readonly ColumnValue[], shape: TableShape, names: readonly string[]): ColumnValue[] =>
  names.map((name) => row[shape.columns.indexOf(name)] ?? null);

const batchRows = (options: WriteOptions, { columns }: TableShape): number =>
  mostRows(options, columns.length);

/** Rows of so many columns that go into one statement. */
export const mostRows = ({ dialect, batchSize }: WriteOptions, columns: number): number =>
  Math.max(1, Math.min(batchSize, dialect.maxRows, Math.floor(dialect.maxParameters / columns)));

function batches<T>(rows: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, index) =>
    rows.slice(index * size, (index + 1) * size),
  );
}

function insertLike(
  { dialect, allNew }: WriteOptions,
  mode: 'insert' | 'upsert' | 'insert_ignore',
  shape: TableShape,
  rows: number,
): string {
  if (mode === 'upsert') return upsertSql(dialect, shape, rows);
  if (mode === 'insert_ignore') return insertIgnoreSql(dialect, shape, rows);
  // Only PostgreSQL can name the index that may be met: any other conflict is an error there. Elsewhere the
  // sender looks for the delivery when the insert fails.
  const named = dialect.name === 'postgresql' && shape.keys.length > 0 && allNew !== true;
  return named ? insertIgnoreSql(dialect, shape, rows) : insertSql(dialect, shape, rows);
}
