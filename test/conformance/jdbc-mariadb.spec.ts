import { describeJdbcCases } from './jdbc-cases';
import { MariadbEngine } from './jdbc-engines';
import { JdbcHarness } from './jdbc-harness';
import { describeConformance } from './suite';

describe('JDBC into MariaDB', () => {
  describeConformance(new JdbcHarness(new MariadbEngine()));
});

describe('JDBC by its own cases', () => {
  describeJdbcCases('MariaDB', new JdbcHarness(new MariadbEngine()));
});
