import { type Duty } from './duty';

/** The roll-ups behind dashboards; readers are not held up meanwhile. */
const REFRESH = ['distribution_summary_mv', 'destination_health_mv'].map((view) => ({
  name: `refresh_${view}`,
  text: `REFRESH MATERIALIZED VIEW CONCURRENTLY ${view}`,
}));

export const refresh: Duty = {
  name: 'refresh',
  everySeconds: 3600,
  async run(tx) {
    for (const statement of REFRESH) await tx.query(statement, []);
  },
};
