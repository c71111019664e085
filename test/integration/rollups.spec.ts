import { refresh } from '../../src/upkeep/refresh';
import { withUpkeepDatabase } from '../support/upkeep-database';

describe('the roll-ups behind dashboards', () => {
  it('are refreshed in a session of the service while somebody reads them', () =>
    withUpkeepDatabase(async ({ admin: reader, run }) => {
      await reader.query(`INSERT INTO tenants (id, name) VALUES ('roma', 'Roma')`);
      await reader.query(
        `INSERT INTO destinations (id, tenant_id, name, protocol, configuration)
         VALUES (gen_random_uuid(), 'roma', 'archive', 'REST', '{}')`,
      );
      await reader.query('BEGIN');
      await reader.query('SELECT count(*) FROM destination_health_mv');
      await run(refresh);
      await reader.query('COMMIT');
      const { rows } = await reader.query('SELECT tenant_id, name FROM destination_health_mv');
      expect(rows).toEqual([{ tenant_id: 'roma', name: 'archive' }]);
    }));
});
