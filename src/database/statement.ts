import { type PoolClient, type QueryResultRow } from 'pg';

/** SQL with a name: prepared once per connection. A name stands for one text for ever. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs a prepared statement; the caller states the row's shape, which is its SELECT list. */
export async function execute<Row extends QueryResultRow>(
  client: PoolClient,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> {
  const result = await client.query<Row>({ ...statement, values });
  return result.rows;
}

/** Rows to columns, for `UNNEST($1::uuid[], $2::text[], …)`: one value list per getter. */
export const columns = <Row>(
  rows: readonly Row[],
  getters: readonly ((row: Row) => unknown)[],
): unknown[][] => getters.map((get) => rows.map(get));
