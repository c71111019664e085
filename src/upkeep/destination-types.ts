import { type DestinationTypes } from '../tenants/destination-types';
import { type Duty } from './duty';

const PUBLISH = {
  name: 'publish_destination_type',
  text: `
    INSERT INTO destination_types (id, name, protocol, config_schema) VALUES ($1, $2, $1, $3)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, config_schema = excluded.config_schema`,
};

/** What the adapters accept, for those who read the catalogue in SQL. The adapters remain its owners. */
export const destinationTypes = (types: DestinationTypes): Duty => ({
  name: 'destination types',
  everySeconds: 3600,
  async run(tx) {
    for (const { id, name, config_schema } of types.list()) {
      await tx.query(PUBLISH, [id, name, JSON.stringify(config_schema)]);
    }
  },
});
