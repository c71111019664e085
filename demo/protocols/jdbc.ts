import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { readSettings } from '../../src/database/embedded/settings';
import { NotToBeHad, type ProtocolReceiver } from './receiver';

/** A database and a user of their own in the embedded PostgreSQL, removed at the end. */
export async function jdbcReceiver(dataDir: string): Promise<ProtocolReceiver> {
  const settings = await readSettings(dataDir);
  if (settings === undefined) throw new NotToBeHad(`no embedded PostgreSQL in ${dataDir}`);
  const { port, password: ownerPassword } = settings;
  const name = `demo_archive_${randomBytes(3).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  const owner = { host: '127.0.0.1', port, user: 'postgres', password: ownerPassword };
  const admin = new Client({ ...owner, database: 'postgres' });
  await admin.connect();
  await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
  await admin.query(`CREATE DATABASE ${name} OWNER ${name}`);
  const reader = new Client({ host: '127.0.0.1', port, user: name, password, database: name });
  await reader.connect();
  await reader.query('CREATE TABLE reports (delivery_id text PRIMARY KEY, report_id text, body jsonb)');
  return {
    protocol: 'JDBC',
    address: `table reports in ${name}, PostgreSQL on port ${port}`,
    configuration: {
      connection: {
        url: `jdbc:postgresql://127.0.0.1:${port}/${name}`,
        credentials: { username: name, password },
      },
      table: 'reports',
      columns: { report_id: 'report_id', body: '{body}' },
      delivery_id_column: 'delivery_id',
    },
    arrived: async () => {
      const { rows } = await reader.query<{ report_id: string }>('SELECT report_id FROM reports');
      return rows.map((row) => `row for ${row.report_id}`);
    },
    stop: async () => {
      await reader.end();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.query(`DROP ROLE ${name}`);
      await admin.end();
    },
  };
}
