import { S3Harness } from './s3-harness';
import { describeConformance } from './suite';

describeConformance(new S3Harness());
