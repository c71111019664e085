import { Pool, type QueryResultRow } from 'pg';
import { createTenant, type TestTenant } from './api';
import { createDatabase, type TestDatabase } from './postgres';
import { Receiver } from './receiver';
import { TestService } from './service';

/** What a test file of the whole service stands on: its own database, service and receiver. */
export class World {
  private constructor(
    readonly database: TestDatabase,
    readonly service: TestService,
    readonly receiver: Receiver,
    private readonly pool: Pool,
  ) {}

  static async create(
    env: NodeJS.ProcessEnv = {},
    through: (url: string) => Promise<string> = async (url) => url,
  ): Promise<World> {
    const database = await createDatabase();
    const pool = new Pool({ connectionString: database.url, max: 2 });
    // Dropping the database ends the sessions on it.
    pool.on('error', () => undefined);
    const service = await TestService.start({ databaseUrl: await through(database.url), env });
    return new World(database, service, await Receiver.start(), pool);
  }

  tenant(id: string): Promise<TestTenant> {
    return createTenant(() => this.service.url, this.service.adminKey, id);
  }

  /** As the superuser of the test server, past every policy: what is really stored. */
  async rows<Row extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(sql, values)).rows;
  }

  /** A single figure. */
  async count(sql: string, values: unknown[] = []): Promise<number> {
    const [row] = await this.rows<{ count: string }>(`SELECT count(*) AS count ${sql}`, values);
    return Number(row?.count);
  }

  async dispose(): Promise<void> {
    await this.service.dispose();
    await this.receiver.stop();
    await this.pool.end();
    await this.database.drop();
  }
}
