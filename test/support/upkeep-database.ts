import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { migrate } from '../../src/database/migrate';
import { sessionUrls } from '../../src/database/roles';
import { SystemTransaction } from '../../src/database/system-transaction';
import { type Duty } from '../../src/upkeep/duty';
import { createDatabase } from './postgres';

/** A migrated database without a service, on which duties run in the session that they have. */
export interface UpkeepDatabase {
  name: string;
  /** A superuser's session. */
  admin: Client;
  run: (duty: Duty) => Promise<void>;
}

export async function withUpkeepDatabase(work: (database: UpkeepDatabase) => Promise<void>): Promise<void> {
  const database = await createDatabase();
  const sessions = sessionUrls(database.url, {});
  await migrate(database.url, sessions);
  const admin = new Client({ connectionString: database.url });
  await admin.connect();
  const source = new DataSource({ type: 'postgres', url: sessions.system, installExtensions: false });
  // A setting of the database that the work makes first holds in this session too.
  const system = async (): Promise<SystemTransaction> =>
    new SystemTransaction(source.isInitialized ? source : await source.initialize());
  try {
    await work({
      name: database.name,
      admin,
      run: async (duty) => (await system()).run((tx) => duty.run(tx)),
    });
  } finally {
    if (source.isInitialized) await source.destroy();
    await admin.end();
    await database.drop();
  }
}
