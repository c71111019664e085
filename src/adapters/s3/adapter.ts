import { type Issue } from '../../kernel/errors';
import { compileConfiguration } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter, type Parsed } from '../port';
import { parseObject } from './object';
import { type S3Configuration, s3Schema } from './schema';
import { S3Sender } from './sender';

export interface S3Options {
  guard: NetworkGuard;
}

/** Objects in AWS S3 and in whatever speaks its protocol. */
export function createS3Adapter({ guard }: S3Options): Adapter<S3Configuration> {
  const validate = compileConfiguration<S3Configuration>(s3Schema);
  return {
    protocol: 'S3',
    title: 'S3 (objects in a bucket)',
    configurationSchema: s3Schema,
    parse: (configuration) => parse(configuration, validate, guard),
    open: (configuration) => {
      const issue = endpointIssue(configuration.endpoint, guard);
      if (issue !== undefined) throw new Error(`endpoint ${issue}`);
      return new S3Sender(configuration, guard);
    },
  };
}

function parse(
  configuration: unknown,
  validate: (configuration: unknown) => Parsed<S3Configuration>,
  guard: NetworkGuard,
): Parsed<S3Configuration> {
  const parsed = validate(configuration);
  if (!parsed.ok) return parsed;
  const { endpoint, encryption, kms_key_id } = parsed.value;
  const issues: Issue[] = [...parseObject(parsed.value).issues];
  const text = endpointIssue(endpoint, guard);
  if (text !== undefined) issues.push({ field: 'configuration.endpoint', issue: text });
  if (kms_key_id !== undefined && encryption !== 'aws:kms') {
    issues.push({ field: 'configuration.kms_key_id', issue: 'needs "encryption": "aws:kms" beside it' });
  }
  return issues.length === 0 ? parsed : { ok: false, issues };
}

/** Nothing here asks a name server; the guard does at each connection. */
function endpointIssue(endpoint: string | undefined, guard: NetworkGuard): string | undefined {
  if (endpoint === undefined) return undefined;
  const issue = guard.urlIssue(endpoint);
  if (issue !== undefined) return issue;
  const { pathname, search, hash } = new URL(endpoint);
  if (/[{}]/.test(endpoint)) return 'must not have placeholders; write the host out';
  return pathname === '/' && search === '' && hash === ''
    ? undefined
    : 'must end after host and port; the bucket goes into bucket';
}
