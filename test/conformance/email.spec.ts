import { EmailHarness } from './email-harness';
import { describeConformance } from './suite';

describeConformance(new EmailHarness());
