import { AmqpHarness } from './amqp-harness';
import { describeConformance } from './suite';

describeConformance(new AmqpHarness());
