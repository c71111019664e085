import { connect } from 'amqplib';
import { Client } from 'pg';
import { adminUrl, createDatabase, startPostgres18 } from '../support/postgres';
import { findRabbitmq } from '../support/rabbitmq';

// Servers are started here, on machines of any speed.
jest.setTimeout(60_000);

async function one(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<{ one: unknown }>(sql)).rows[0]?.one;
  } finally {
    await client.end();
  }
}

describe('the servers that tests use', () => {
  it('gives each caller an empty UTF-8 database that can be dropped while it is in use', async () => {
    const [first, second] = await Promise.all([createDatabase(), createDatabase()]);
    const user = new Client({ connectionString: first.url });
    user.on('error', () => undefined);
    await user.connect();

    expect(first.name).not.toBe(second.name);
    expect(await one(first.url, 'SELECT current_database() AS one')).toBe(first.name);
    expect(await one(second.url, `SELECT current_setting('server_encoding') AS one`)).toBe('UTF8');
    const ended = new Promise((resolve) => user.once('end', resolve));
    await Promise.all([first.drop(), second.drop()]);
    await first.drop();
    await ended;

    const left = `SELECT count(*)::int AS one FROM pg_database WHERE datname IN ('${first.name}', '${second.name}')`;
    expect(await one(adminUrl(), left)).toBe(0);
  });

  it('has a PostgreSQL 18 at hand', async () => {
    const server = await startPostgres18();
    const database = await createDatabase(server.url);
    expect(await one(database.url, `SELECT current_setting('server_version_num') AS one`)).toMatch(/^18/);
    await database.drop();
    await server.stop();
  });

  it('has a RabbitMQ at hand', async () => {
    const connection = await connect(await findRabbitmq());
    expect(connection.connection.serverProperties.product).toBe('RabbitMQ');
    await connection.close();
  });
});
