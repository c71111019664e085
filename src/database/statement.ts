import { type PoolClient, type QueryResultRow } from 'pg';
import { arrayLiteral, type Scalar } from './array-literal';
import { jsonbArray, textArray } from './binary-array';
import { PooledSession } from './session';

/** SQL with a name: prepared once per connection. A name stands for one text for ever. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs a prepared statement, behind a pooler one without a name; the caller states the row's shape, which is its SELECT list. */
export async function execute<Row extends QueryResultRow>(
  client: PoolClient,
  { name, text }: Statement,
  parameters: readonly unknown[],
): Promise<Row[]> {
  const values = parameters.map((value) => (Array.isArray(value) ? arrayLiteral(value) : value));
  const query = client instanceof PooledSession ? { text, values } : { name, text, values };
  const result = await client.query<Row>(query);
  return result.rows;
}

/** What a column is made of; documents and long texts go as binary arrays (binary-array.ts). */
export type Column<Row> =
  ((row: Row) => Scalar) | { jsonb: (row: Row) => string | null } | { text: (row: Row) => string | null };

/** Rows to columns, for `UNNEST($1::uuid[], $2::text[], …)`: one parameter per column. */
export const columns = <Row>(rows: readonly Row[], wanted: readonly Column<Row>[]): unknown[] =>
  wanted.map((column) => {
    if (typeof column === 'function') return rows.map(column);
    return 'jsonb' in column ? jsonbArray(rows.map(column.jsonb)) : textArray(rows.map(column.text));
  });
