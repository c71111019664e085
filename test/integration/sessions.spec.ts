import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { sourceOptions } from '../../src/app/database.module';
import { createDatabase, type TestDatabase } from '../support/postgres';

let database: TestDatabase;
let admin: Pool;

beforeAll(async () => {
  database = await createDatabase();
  admin = new Pool({ connectionString: database.url, max: 1 });
  admin.on('error', () => undefined);
});

afterAll(async () => {
  await admin.end();
  await database.drop();
});

const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/** Hands the first readiness of each session over together with the news that the session was ended. */
async function endedAtBirth(port: number, births: () => Promise<unknown>): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let held: Buffer[] = [];
    let isBorn = false;
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      // The message is the last of its packet: type, four bytes of length, one of state.
      if (!isBorn && chunk.at(-6) === READY_FOR_QUERY) {
        isBorn = true;
        held = [chunk];
        void births();
      } else if (isBorn) held.push(chunk);
      else client.write(chunk);
    });
    upstream.on('end', () => client.end(Buffer.concat(held)));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return server;
}

it('a session that PostgreSQL ends in the moment it opens is an error of its user, and not the end of the process', async () => {
  const url = new URL(database.url);
  const server = await endedAtBirth(Number(url.port || 5432), () =>
    admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'distributor ended'`),
  );
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const source = new DataSource(sourceOptions('ended', url.href, 2));
  const uncaught = jest.fn();
  process.on('uncaughtException', uncaught);
  try {
    await expect(source.initialize()).rejects.toThrow(/terminat|connection error/);
    expect(uncaught).not.toHaveBeenCalled();
  } finally {
    process.off('uncaughtException', uncaught);
    server.close();
  }
});
