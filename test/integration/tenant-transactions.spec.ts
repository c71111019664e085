import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { sourceOptions } from '../../src/app/database.module';
import { TenantTransaction } from '../../src/database/tenant-transaction';
import { type TenantId } from '../../src/kernel/ids';
import { eventually } from '../support/eventually';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { TcpProxy } from '../support/tcp-proxy';

const ROMA = 'roma' as TenantId;
const NOTE = { name: 'note', text: `INSERT INTO notes (text) VALUES ($1)` };
const READ = { name: 'read', text: `SELECT tenant_id, text FROM notes WHERE text = $1` };
const ABSENT = { name: 'absent', text: `INSERT INTO no_such_table VALUES ($1)` };

let database: TestDatabase;
let admin: Pool;
let wire: TcpProxy;
let source: DataSource;
let tenants: TenantTransaction;

beforeAll(async () => {
  database = await createDatabase();
  admin = new Pool({ connectionString: database.url, max: 1 });
  await admin.query(
    `CREATE TABLE notes (tenant_id text DEFAULT current_setting('app.tenant_id'), text text)`,
  );
  const url = new URL(database.url);
  wire = await TcpProxy.to(url.hostname, Number(url.port || 5432));
  url.hostname = '127.0.0.1';
  url.port = String(wire.port);
  source = await new DataSource(sourceOptions('transactions', url.href, 1)).initialize();
  tenants = new TenantTransaction(source);
});

afterAll(async () => {
  await source.destroy();
  await wire.cut();
  await admin.end();
  await database.drop();
});

afterEach(() => {
  wire.isSilent = false;
});

const written = async (text: string): Promise<string[]> =>
  (await admin.query<{ tenant_id: string }>(READ.text, [text])).rows.map(({ tenant_id }) => tenant_id);

describe('a transaction of a tenant', () => {
  it('writes what the work and its last statement say, as the tenant', async () => {
    const result = await tenants.run(ROMA, async (tx) => {
      await tx.query(NOTE, ['first']);
      tx.last(NOTE, ['last']);
      return 'done';
    });
    expect(result).toBe('done');
    expect(await written('first')).toEqual(['roma']);
    expect(await written('last')).toEqual(['roma']);
  });

  it('leaves nothing where its last statement fails, and says so', async () => {
    const run = tenants.run(ROMA, async (tx) => {
      await tx.query(NOTE, ['before a last one that fails']);
      tx.last(ABSENT, ['x']);
    });
    await expect(run).rejects.toThrow('no_such_table');
    expect(await written('before a last one that fails')).toEqual([]);
  });

  it('sends no last statement where the work fails, and leaves nothing', async () => {
    const run = tenants.run(ROMA, async (tx) => {
      tx.last(NOTE, ['of work that fails']);
      await tx.query(NOTE, ['of work that fails']);
      throw new Error('of the work');
    });
    await expect(run).rejects.toThrow('of the work');
    expect(await written('of work that fails')).toEqual([]);
  });

  it('is that of its manager too', async () => {
    const run = tenants.run(ROMA, async ({ manager }) => {
      await manager.query(NOTE.text, ['by the manager']);
      throw new Error('of the work');
    });
    await expect(run).rejects.toThrow('of the work');
    expect(await written('by the manager')).toEqual([]);
  });

  it('gives its session back as it was, after whatever became of it', async () => {
    for (const statement of [NOTE, ABSENT]) {
      await tenants.run(ROMA, (tx) => tx.query(statement, ['x'])).catch(() => undefined);
      await tenants.run(ROMA, async (tx) => tx.last(statement, ['x'])).catch(() => undefined);
      const [state] = await source.query<{ tenant: string; began: boolean }[]>(
        `SELECT current_setting('app.tenant_id', true) AS tenant, now() < statement_timestamp() AS began`,
      );
      expect(state).toEqual({ tenant: '', began: false });
    }
  });
});

describe('round trips', () => {
  const session = async (): Promise<{ state: string; query: string } | undefined> =>
    (
      await admin.query<{ state: string; query: string }>(
        `SELECT state, query FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'distributor transactions'`,
      )
    ).rows[0];

  /** What was under way breaks; sessions after it get through. */
  async function breakWire(): Promise<void> {
    await wire.cut();
    wire.isSilent = false;
    await wire.mend();
  }

  it('the first statement goes out with the BEGIN', async () => {
    await tenants.run(ROMA, (tx) => tx.query(READ, ['x']));
    wire.isSilent = true;
    const run = tenants.run(ROMA, (tx) => tx.query(READ, ['x']));
    run.catch(() => undefined);
    await eventually({ until: 'the statement to have been answered' }, async () => {
      expect(await session()).toEqual({ state: 'idle in transaction', query: READ.text });
    });
    await breakWire();
    await expect(run).rejects.toThrow();
  });

  it('the last statement goes out with the COMMIT', async () => {
    const run = tenants.run(ROMA, async (tx) => {
      await tx.query(READ, ['x']);
      tx.last(NOTE, ['with the commit']);
      wire.isSilent = true;
    });
    run.catch(() => undefined);
    await eventually({ until: 'the transaction to have been committed' }, async () => {
      expect(await written('with the commit')).toEqual(['roma']);
    });
    await breakWire();
    await expect(run).rejects.toThrow();
  });
});
