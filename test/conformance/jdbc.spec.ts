import { describeJdbcCases } from './jdbc-cases';
import { PostgresqlEngine } from './jdbc-engines';
import { JdbcHarness } from './jdbc-harness';
import { describeConformance } from './suite';

describe('JDBC into PostgreSQL', () => {
  describeConformance(new JdbcHarness(new PostgresqlEngine()));
});

describe('JDBC by its own cases', () => {
  describeJdbcCases('PostgreSQL', new JdbcHarness(new PostgresqlEngine()));
});
