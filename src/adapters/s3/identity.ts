import { S3Client } from '@aws-sdk/client-s3';
import { type TenantId } from '../../kernel/ids';
import { type Failure } from '../failure';
import { type NetworkGuard } from '../network-guard';
import { plain } from '../schema-parts';
import { AssumedRole } from './assumed-role';
import { type AwsKeys, IdentityFault, type KeySource } from './keys';
import { type S3Configuration } from './schema';

export interface IdentityOptions {
  guard: NetworkGuard;
  /** Whose destination it is; undefined where nobody says, which uses nobody's identity but its own. */
  tenantId: TenantId | undefined;
  /** Tenants that may use the service's own AWS identity; `*` for all of them. */
  serviceIdentityFor: readonly string[];
}

/** Who signs the requests of a destination. */
export type Identity =
  | { kind: 'anonymous' }
  | { kind: 'fixed'; keys: AwsKeys }
  /** Keys that are asked for, and change. */
  | { kind: 'asked'; source: KeySource };

/**
 * The identity that a destination names. The service's own is lent only to tenants that the operator lists:
 * the usual chain of defaults would lend it to all of them.
 */
export function identityOf(configuration: S3Configuration, options: IdentityOptions): Identity {
  const { credentials, service_identity, assume_role } = configuration;
  const own = credentials && fixedKeys(credentials);
  const source = service_identity === true ? serviceKeys(options) : own && (async () => own);
  if (source === undefined) return { kind: 'anonymous' };
  if (assume_role !== undefined) {
    // A tenant that borrows the service's identity must not assume the role of another by its external id.
    const externalId = service_identity === true ? options.tenantId : assume_role.external_id;
    const role = new AssumedRole({
      configuration,
      role: assume_role,
      externalId,
      source,
      guard: options.guard,
    });
    return { kind: 'asked', source: () => role.keys() };
  }
  return own === undefined || service_identity === true
    ? { kind: 'asked', source }
    : { kind: 'fixed', keys: own };
}

const fixedKeys = (credentials: NonNullable<S3Configuration['credentials']>): AwsKeys => ({
  accessKeyId: credentials.access_key_id,
  secretAccessKey: plain(credentials.secret_access_key),
  ...(credentials.session_token === undefined ? {} : { sessionToken: plain(credentials.session_token) }),
});

let chain: KeySource | undefined;

/** The SDK's own chain (environment, files, container, machine), which keeps and renews what it finds. */
function serviceKeys({ tenantId, serviceIdentityFor }: IdentityOptions): KeySource {
  const allowed =
    tenantId !== undefined && (serviceIdentityFor.includes('*') || serviceIdentityFor.includes(tenantId));
  return async () => {
    if (!allowed) throw new IdentityFault(NOT_LENT);
    chain ??= new S3Client({ region: 'us-east-1' }).config.credentials;
    try {
      return await chain();
    } catch {
      // The chain's words tell where it looked, which is nobody's business outside.
      throw new IdentityFault(NOT_FOUND);
    }
  };
}

const NOT_LENT: Failure = {
  kind: 'refused',
  code: 'CONFIGURATION_INVALID',
  message:
    "service_identity: the service's AWS identity is not lent to this tenant. Have the operator add it to DESTINATION_AWS_IDENTITY_TENANTS, or give credentials, then replay.",
};

const NOT_FOUND: Failure = {
  kind: 'retry',
  code: 'AUTHENTICATION_FAILED',
  message:
    "The service's own AWS identity was not found; have the operator provide one. The delivery is tried again.",
};
