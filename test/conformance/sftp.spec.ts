import { SftpHarness } from './sftp-harness';
import { describeConformance } from './suite';

describeConformance(new SftpHarness());
