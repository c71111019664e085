import { type Issue } from '../../kernel/errors';
import { compileConfiguration, issueAt } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter } from '../port';
import { tlsIssues } from '../tls-configuration';
import { parseObject } from './object';
import { type S3Configuration, s3Schema } from './schema';
import { S3Sender } from './sender';

export interface S3Options {
  guard: NetworkGuard;
  /** Tenants that may use the service's own AWS identity; `*` for all of them. */
  serviceIdentityFor: readonly string[];
}

/** Objects in AWS S3 and in whatever speaks its protocol. */
export function createS3Adapter({ guard, serviceIdentityFor }: S3Options): Adapter<S3Configuration> {
  return {
    protocol: 'S3',
    title: 'S3 (objects in a bucket)',
    configurationSchema: s3Schema,
    parse: compileConfiguration<S3Configuration>(s3Schema, (configuration) => issuesOf(configuration, guard)),
    open: (configuration, tenantId) => {
      const issue = endpointIssue(configuration.endpoint, guard);
      if (issue !== undefined) throw new Error(`endpoint ${issue}`);
      return new S3Sender(configuration, { guard, tenantId, serviceIdentityFor });
    },
  };
}

function issuesOf(configuration: S3Configuration, guard: NetworkGuard): Issue[] {
  const { endpoint, encryption, kms_key_id, tls } = configuration;
  const needsKms = kms_key_id !== undefined && encryption !== 'aws:kms';
  return [
    ...parseObject(configuration).issues,
    ...issueAt('endpoint', endpointIssue(endpoint, guard)),
    ...tlsIssues('configuration.tls', tls),
    ...identityIssues(configuration, guard),
    ...issueAt('kms_key_id', needsKms ? 'needs "encryption": "aws:kms" beside it' : undefined),
  ];
}

function identityIssues(configuration: S3Configuration, guard: NetworkGuard): Issue[] {
  const { credentials, service_identity: service = false, assume_role: role } = configuration;
  const both = service && credentials !== undefined;
  const nobody = role !== undefined && !service && credentials === undefined;
  const foreign = service && role?.external_id !== undefined;
  return [
    ...issueAt('service_identity', both ? 'cannot stand beside credentials; remove one of them' : undefined),
    ...issueAt('assume_role', nobody ? 'needs credentials or service_identity to assume it' : undefined),
    ...issueAt('assume_role.endpoint', endpointIssue(role?.endpoint, guard)),
    ...issueAt(
      'assume_role.external_id',
      foreign ? "is the tenant's id where service_identity is used; remove it" : undefined,
    ),
  ];
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
