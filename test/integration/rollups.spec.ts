import { DataSource } from 'typeorm';
import { Client } from 'pg';
import { migrate } from '../../src/database/migrate';
import { sessionUrls } from '../../src/database/roles';
import { SystemTransaction } from '../../src/database/system-transaction';
import { refresh } from '../../src/upkeep/refresh';
import { createDatabase } from '../support/postgres';

describe('the roll-ups behind dashboards', () => {
  it('are refreshed in a session of the service while somebody reads them', async () => {
    const database = await createDatabase();
    const sessions = sessionUrls(database.url, {});
    await migrate(database.url, sessions);
    const reader = new Client({ connectionString: database.url });
    await reader.connect();
    const source = await new DataSource({
      type: 'postgres',
      url: sessions.system,
      installExtensions: false,
    }).initialize();
    try {
      await reader.query(`INSERT INTO tenants (id, name) VALUES ('roma', 'Roma')`);
      await reader.query(
        `INSERT INTO destinations (id, tenant_id, name, protocol, configuration)
         VALUES (gen_random_uuid(), 'roma', 'archive', 'REST', '{}')`,
      );
      await reader.query('BEGIN');
      await reader.query('SELECT count(*) FROM destination_health_mv');
      await new SystemTransaction(source).run((tx) => refresh.run(tx));
      await reader.query('COMMIT');
      const { rows } = await reader.query('SELECT tenant_id, name FROM destination_health_mv');
      expect(rows).toEqual([{ tenant_id: 'roma', name: 'archive' }]);
    } finally {
      await source.destroy();
      await reader.end();
      await database.drop();
    }
  });
});
