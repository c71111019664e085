import { type Duty } from './duty';

/**
 * A table that has never been analysed looks empty to the planner, which then reads all of a tenant's rows where it
 * should look up a few. Autovacuum comes by once a minute; a new database can hold a hundred thousand rows by then.
 */
const ANALYZE_YOUNG = {
  name: 'analyze_young_tables',
  text: `SELECT analyze_young_tables()`,
};

export const statistics: Duty = {
  name: 'statistics',
  everySeconds: 5,
  async run(tx) {
    await tx.query(ANALYZE_YOUNG, []);
  },
};
