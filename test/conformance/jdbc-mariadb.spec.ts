import { MariadbEngine } from './jdbc-engines';
import { JdbcHarness } from './jdbc-harness';
import { describeConformance } from './suite';

describeConformance(new JdbcHarness(new MariadbEngine()));
