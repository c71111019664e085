import { type Dialect } from './dialect';

/** A statement without its values: they are bound in the order that each function tells. */
export interface TableShape {
  /** Schema and table, or more parts. */
  table: readonly string[];
  columns: readonly string[];
  keys: readonly string[];
}

const listed = (dialect: Dialect, names: readonly string[]): string => names.map(dialect.quote).join(', ');
const tableName = (dialect: Dialect, shape: TableShape): string => shape.table.map(dialect.quote).join('.');
const others = ({ columns, keys }: TableShape): string[] => columns.filter((name) => !keys.includes(name));

/** `($1, $2), ($3, $4)` for so many rows. */
function tuples(dialect: Dialect, width: number, rows: number): string {
  let n = 0;
  const tuple = (): string => `(${Array.from({ length: width }, () => dialect.placeholder(++n)).join(', ')})`;
  return Array.from({ length: rows }, tuple).join(', ');
}

/** Values row by row, in the order of the columns. */
export const insertSql = (dialect: Dialect, shape: TableShape, rows: number): string =>
  `INSERT INTO ${tableName(dialect, shape)} (${listed(dialect, shape.columns)}) VALUES ` +
  tuples(dialect, shape.columns.length, rows);

/** As insert; a row whose keys are there already changes nothing. Without keys: whichever unique index it meets. */
export function insertIgnoreSql(dialect: Dialect, shape: TableShape, rows: number): string {
  switch (dialect.name) {
    case 'postgresql': {
      const target = shape.keys.length === 0 ? '' : ` (${listed(dialect, shape.keys)})`;
      return `${insertSql(dialect, shape, rows)} ON CONFLICT${target} DO NOTHING`;
    }
    case 'mysql': {
      // INSERT IGNORE would also swallow values that do not fit their column.
      const same = dialect.quote(shape.keys[0] ?? shape.columns[0] ?? '');
      return `${insertSql(dialect, shape, rows)} ON DUPLICATE KEY UPDATE ${same} = ${same}`;
    }
    case 'sqlserver':
    case 'oracle':
      return mergeSql(dialect, shape, rows, []);
  }
}

/** As insert; a row whose keys are there already gets the other columns' new values. */
export function upsertSql(dialect: Dialect, shape: TableShape, rows: number): string {
  const changed = others(shape);
  if (changed.length === 0) return insertIgnoreSql(dialect, shape, rows);
  const assign = (value: (name: string) => string): string =>
    changed.map((name) => `${dialect.quote(name)} = ${value(dialect.quote(name))}`).join(', ');
  switch (dialect.name) {
    case 'postgresql':
      return `${insertSql(dialect, shape, rows)} ON CONFLICT (${listed(dialect, shape.keys)}) DO UPDATE SET ${assign((name) => `EXCLUDED.${name}`)}`;
    case 'mysql':
      return `${insertSql(dialect, shape, rows)} ON DUPLICATE KEY UPDATE ${assign((name) => `VALUES(${name})`)}`;
    case 'sqlserver':
    case 'oracle':
      return mergeSql(dialect, shape, rows, changed);
  }
}

function mergeSql(dialect: Dialect, shape: TableShape, rows: number, changed: readonly string[]): string {
  const all = shape.columns.map(dialect.quote);
  const on = shape.keys.map(dialect.quote).map((name) => `target.${name} = source.${name}`);
  const set = changed.map(dialect.quote).map((name) => `target.${name} = source.${name}`);
  const isSqlServer = dialect.name === 'sqlserver';
  const source = isSqlServer
    ? `(VALUES ${tuples(dialect, all.length, rows)}) AS source (${all.join(', ')})`
    : `(SELECT ${all.map((name, index) => `${dialect.placeholder(index + 1)} AS ${name}`).join(', ')} FROM DUAL) source`;
  return [
    // Without HOLDLOCK two merges of the same key can both find nothing.
    `MERGE INTO ${tableName(dialect, shape)} ${isSqlServer ? 'WITH (HOLDLOCK) AS target' : 'target'}`,
    `USING ${source} ON (${on.join(' AND ')})`,
    ...(set.length === 0 ? [] : [`WHEN MATCHED THEN UPDATE SET ${set.join(', ')}`]),
    `WHEN NOT MATCHED THEN INSERT (${all.join(', ')}) VALUES (${all.map((name) => `source.${name}`).join(', ')})` +
      (isSqlServer ? ';' : ''),
  ].join(' ');
}

/** Values: first the changed columns in their order, then the keys. One row a statement. */
export function updateSql(dialect: Dialect, shape: TableShape): string {
  const changed = others(shape);
  const set = changed.map((name, index) => `${dialect.quote(name)} = ${dialect.placeholder(index + 1)}`);
  return `UPDATE ${tableName(dialect, shape)} SET ${set.join(', ')} WHERE ${byKeys(dialect, shape.keys, changed.length)}`;
}

/** Values: the keys. One row a statement. */
export const deleteSql = (dialect: Dialect, shape: TableShape): string =>
  `DELETE FROM ${tableName(dialect, shape)} WHERE ${byKeys(dialect, shape.keys, 0)}`;

/** Whether a row with these keys is there. Values: the keys. */
export const existsSql = (dialect: Dialect, shape: TableShape): string =>
  `SELECT 1 FROM ${tableName(dialect, shape)} WHERE ${byKeys(dialect, shape.keys, 0)}`;

const byKeys = (dialect: Dialect, keys: readonly string[], before: number): string =>
  keys
    .map((name, index) => `${dialect.quote(name)} = ${dialect.placeholder(before + index + 1)}`)
    .join(' AND ');

/** The columns of an update in the order in which it binds them. */
export const updateOrder = (shape: TableShape): string[] => [...others(shape), ...shape.keys];
