import { type Duty } from './duty';

/** This month and the two after it: intake needs a place for every id it makes. */
const CREATE_AHEAD = {
  name: 'create_month_partitions',
  text: `SELECT create_month_partitions(now(), 3)`,
};

export const partitions: Duty = {
  name: 'partitions',
  everySeconds: 3600,
  async run(tx) {
    await tx.query(CREATE_AHEAD, []);
  },
};
