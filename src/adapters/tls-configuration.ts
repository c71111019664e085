import { createSecureContext } from 'node:tls';
import { type Issue } from '../kernel/errors';
import { type TlsOptions } from './network-connect';
import { plain, type SecretValue } from './schema-parts';

/** The TLS part of a configuration before its references are resolved. */
export type TlsConfiguration = {
  [K in keyof TlsOptions]: K extends 'key' | 'passphrase' ? SecretValue : TlsOptions[K];
};

/** With the secrets as texts; throws for a reference that was not resolved. */
export function plainTls(tls: TlsConfiguration = {}): TlsOptions {
  const { key, passphrase, ...rest } = tls;
  return {
    ...rest,
    ...(key === undefined ? {} : { key: plain(key) }),
    ...(passphrase === undefined ? {} : { passphrase: plain(passphrase) }),
  };
}

/** Certificates and keys that cannot be read are found when they are stored, not at the first delivery. */
export function tlsIssues(field: string, tls: TlsConfiguration = {}): Issue[] {
  const { ca, cert, key, passphrase } = tls;
  const issues: Issue[] = [];
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    const issue = 'is not a PEM certificate; paste the text from -----BEGIN CERTIFICATE----- on';
    issues.push({ field: `${field}.ca`, issue });
  } else if (ca !== undefined && !readable({ ca })) {
    issues.push({ field: `${field}.ca`, issue: 'cannot be read; give PEM certificates' });
  }
  // A reference has no text yet; whether it fits is seen at the first connection.
  if (cert === undefined || typeof key !== 'string' || typeof passphrase === 'object') return issues;
  if (!readable({ cert, key, ...(passphrase === undefined ? {} : { passphrase }) })) {
    const issue =
      'cannot be read, or key, certificate and passphrase do not belong together; give them as PEM texts';
    issues.push({ field: `${field}.key`, issue });
  }
  return issues;
}

function readable(options: { ca?: string; cert?: string; key?: string; passphrase?: string }): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}
