import { Pool } from 'pg';
import { isUnavailable } from '../../src/database/faults';
import { Session } from '../../src/database/session';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { TcpProxy } from '../support/tcp-proxy';

describe('a database that says nothing any more', () => {
  let database: TestDatabase;
  let wire: TcpProxy;
  let pool: Pool;

  beforeAll(async () => {
    database = await createDatabase();
    const url = new URL(database.url);
    wire = await TcpProxy.to(url.hostname, Number(url.port || 5432));
    [url.hostname, url.port] = ['127.0.0.1', String(wire.port)];
    pool = new Pool({
      connectionString: url.href,
      Client: Session,
      max: 1,
      ...{ mostSilenceMs: 3000, pipeline: true },
    });
    pool.on('error', () => undefined);
  });

  afterAll(async () => {
    await pool.end();
    await wire.cut();
    await database.drop();
  });

  it('counts as away, and the pool takes another session', async () => {
    const pid = async (): Promise<number | undefined> =>
      (await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    const first = await pid();
    wire.isSilent = true;
    const error: unknown = await pid().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(isUnavailable(error)).toBe(true);
    wire.isSilent = false;
    const second = await pid();
    expect(second).toEqual(expect.any(Number));
    expect(second).not.toBe(first);
  });
});
