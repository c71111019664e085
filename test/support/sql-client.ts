import { Client, type QueryResultRow } from 'pg';
import { runCommand } from './command';
import { type World } from './world';

/** Where the login is made: a deployment of any kind. */
type Place = { database: Pick<World['database'], 'name' | 'url'>; rows: World['rows'] };

export interface SqlCall {
  tenant?: string | null;
  id?: string | null;
  payload?: unknown;
  destinations?: unknown;
  /** By name, e.g. `p_max_retries`. */
  more?: Record<string, unknown>;
}

export type RequestRow = {
  distribution_id: string;
  action: string;
  status: string;
  error_code: string | null;
  error_details: { field: string; issue: string }[] | null;
};

/** A program of a tenant that submits by SQL, with a login of its own that goes with `dispose`. */
export class SqlClient {
  private constructor(
    private readonly world: Place,
    readonly login: string,
    readonly tenant: string,
    readonly session: Client,
  ) {}

  static async create(world: Place, tenant: string): Promise<SqlClient> {
    const login = `client_${tenant}_${world.database.name}`.slice(0, 63);
    const { code, output } = await sqlClientCommand(world, 'create', login, '--tenant', tenant);
    const password = /shown this once: (\S+)/.exec(output)?.[1];
    if (code !== 0 || password === undefined) throw new Error(output);
    const url = new URL(world.database.url);
    Object.assign(url, { username: login, password });
    const session = new Client({ connectionString: url.href });
    await session.connect();
    return new SqlClient(world, login, tenant, session);
  }

  async query<Row extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.session.query<Row>(sql, values)).rows;
  }

  async submit({
    tenant,
    id = null,
    payload = { total: 1 },
    destinations = [],
    more = {},
  }: SqlCall): Promise<void> {
    const values = [
      tenant === undefined ? this.tenant : tenant,
      id,
      'report',
      JSON.stringify(payload),
      JSON.stringify(destinations),
      ...Object.values(more),
    ];
    const named = Object.keys(more).map((name, index) => `, ${name} => $${index + 6}`);
    await this.session.query(`CALL submit_distribution($1, $2, $3, $4, $5${named.join('')})`, values);
  }

  async cancel(id: string | null, status = 'cancelled'): Promise<void> {
    await this.session.query('CALL update_distribution_status($1, $2, $3)', [
      id,
      status,
      'not needed any more',
    ]);
  }

  /** What became of its requests, in the order in which they were made. */
  requests(id?: string): Promise<RequestRow[]> {
    return this.query(
      `SELECT distribution_id, action, status, error_code, error_details FROM sql_requests
       WHERE distribution_id = COALESCE($1, distribution_id) ORDER BY requested_at`,
      [id ?? null],
    );
  }

  async dispose(): Promise<void> {
    await this.session.end();
    await this.world.rows(`DROP OWNED BY "${this.login}"`);
    await this.world.rows(`DROP ROLE "${this.login}"`);
  }
}

export const sqlClientCommand = (
  world: Pick<Place, 'database'>,
  ...args: string[]
): Promise<{ code: number; output: string }> =>
  runCommand('sql-client', args, { DATABASE_URL: world.database.url });
