import { type SqlConnection } from './drivers/connection';
import { type DialectName } from './url';
import { type ColumnTypes } from './values';

const QUERIES: Partial<Record<DialectName, { own: string; named: string }>> = {
  postgresql: {
    own: `SELECT column_name AS name, data_type AS type FROM information_schema.columns
           WHERE table_name = $1 AND table_schema = ANY (current_schemas(false)::text[])`,
    named: `SELECT column_name AS name, data_type AS type FROM information_schema.columns
             WHERE table_name = $1 AND table_schema = $2`,
  },
  mysql: {
    own: `SELECT column_name AS name, data_type AS type FROM information_schema.columns
           WHERE table_name = ? AND table_schema = DATABASE()`,
    named: `SELECT column_name AS name, data_type AS type FROM information_schema.columns
             WHERE table_name = ? AND table_schema = ?`,
  },
};

const KEPT_TABLES = 100;

/** The data types of tables' columns, asked once for each table. A changed table is seen by a new version. */
export class ColumnTypeCache {
  private readonly known = new Map<string, ColumnTypes>();

  constructor(private readonly dialect: DialectName) {}

  /** `table` is schema and table, or the table alone; rejects as the connection does. */
  readonly of = async (connection: SqlConnection, table: readonly string[]): Promise<ColumnTypes> => {
    const key = JSON.stringify(table);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const queries = QUERIES[this.dialect];
    if (queries === undefined) return new Map();
    const [name = '', schema] = [...table].reverse();
    const found = await connection.query(
      schema === undefined ? queries.own : queries.named,
      schema === undefined ? [name] : [name, schema],
    );
    const types = new Map(found.rows.map((row) => [lower(row['name']), lower(row['type'])]));
    if (this.known.size < KEPT_TABLES) this.known.set(key, types);
    return types;
  };
}

const lower = (value: unknown): string => (typeof value === 'string' ? value.toLowerCase() : '');
