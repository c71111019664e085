import { lanes } from '../../src/upkeep/lanes';
import { withUpkeepDatabase } from '../support/upkeep-database';

const LANE = `
  INSERT INTO lanes (tenant_id, lane_id, destination_name, breaker, owned_until)
  VALUES ('roma', $1, $2, $3, now() - $4::interval)`;
const DESTINATION = `
  INSERT INTO destinations (id, tenant_id, name, protocol, configuration) VALUES ($1, 'roma', $2, 'REST', '{}')`;
const DELIVERY = `
  INSERT INTO ready_attempts (delivery_id, tenant_id, distribution_job_id, attempt_id, attempt_number,
    destination_name, position, lane_id, rank, due_at)
  VALUES (gen_random_uuid(), 'roma', gen_random_uuid(), gen_random_uuid(), 1, 'x', 0, $1, 2, now())`;

const id = (digit: number): string => `00000000-0000-7000-8000-00000000000${digit}`;

describe('care of lanes that nobody sends to', () => {
  it('ends after an hour, unless something waits or a breaker has to be remembered', () =>
    withUpkeepDatabase(async ({ admin, run }) => {
      await admin.query(`INSERT INTO tenants (id, name) VALUES ('roma', 'Roma')`);
      await admin.query(DESTINATION, [id(4), 'known']);
      await admin.query(LANE, [id(1), 'idle', 'closed', '2 hours']);
      await admin.query(LANE, [id(2), 'in use', 'closed', '10 seconds']);
      await admin.query(LANE, [id(3), 'gone', 'open', '2 hours']);
      await admin.query(LANE, [id(4), 'known', 'open', '2 hours']);
      await admin.query(LANE, [id(5), 'waiting', 'closed', '2 hours']);
      await admin.query(DELIVERY, [id(5)]);
      await run(lanes);
      const left = await admin.query('SELECT destination_name AS name FROM lanes ORDER BY lane_id');
      expect(left.rows).toEqual([{ name: 'in use' }, { name: 'known' }, { name: 'waiting' }]);
    }));
});
