import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrate, migrateDown } from '../../src/database/migrate';
import { sessionUrls } from '../../src/database/roles';
import { dumpSchema } from '../../src/database/schema-dump';
import { adminUrl, createDatabase, startPostgres18 } from '../support/postgres';

const COMMITTED = join(__dirname, '..', 'schema.sql');

async function dump(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await dumpSchema(client);
  } finally {
    await client.end();
  }
}

async function objectsLeft(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
         AND relname NOT LIKE 'migrations%'
       UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`,
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** Up, down to nothing, up again, on one server; returns the dump. */
async function roundTrip(admin: string): Promise<string> {
  const database = await createDatabase(admin);
  try {
    const sessions = sessionUrls(database.url, {});
    await migrate(database.url, sessions);
    const first = await dump(database.url);
    await migrateDown(database.url);
    expect(await objectsLeft(database.url)).toEqual([]);
    await migrate(database.url, sessions);
    expect(await dump(database.url)).toBe(first);
    return first;
  } finally {
    await database.drop();
  }
}

describe('migrations', () => {
  it('go up, down to nothing and up again, and make the committed schema', async () => {
    const schema = await roundTrip(adminUrl());
    if (process.env['UPDATE_SCHEMA'] === 'true') writeFileSync(COMMITTED, schema);
    // When this differs on purpose: npm run schema, and commit the file.
    expect(schema).toBe(readFileSync(COMMITTED, 'utf8'));
  });

  it('make the same schema on PostgreSQL 18', async () => {
    const postgres18 = await startPostgres18();
    try {
      expect(await roundTrip(postgres18.url)).toBe(readFileSync(COMMITTED, 'utf8'));
    } finally {
      await postgres18.stop();
    }
  });

  it('wait for one another when several processes start together', async () => {
    const database = await createDatabase();
    try {
      const sessions = sessionUrls(database.url, {});
      const ran = await Promise.all([1, 2, 3].map(() => migrate(database.url, sessions)));
      expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
    } finally {
      await database.drop();
    }
  });
});
