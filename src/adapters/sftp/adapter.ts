import { utils } from 'ssh2';
import { type Issue } from '../../kernel/errors';
import { compileConfiguration } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter, type Parsed } from '../port';
import { parsePaths } from './paths';
import { type SftpConfiguration, type SftpCredentials, sftpSchema } from './schema';
import { SftpSender } from './sender';

export interface SftpOptions {
  guard: NetworkGuard;
}

/** Files on a server that speaks SFTP (the file transfer of SSH). */
export function createSftpAdapter({ guard }: SftpOptions): Adapter<SftpConfiguration> {
  const validate = compileConfiguration<SftpConfiguration>(sftpSchema);
  return {
    protocol: 'SFTP',
    title: 'SFTP (files over SSH)',
    configurationSchema: sftpSchema,
    parse: (configuration) => parse(configuration, validate, guard),
    open: (configuration) => {
      const issue = guard.hostIssue(configuration.host);
      if (issue !== undefined) throw new Error(`host ${issue}`);
      return new SftpSender(configuration, guard);
    },
  };
}

function parse(
  configuration: unknown,
  validate: (configuration: unknown) => Parsed<SftpConfiguration>,
  guard: NetworkGuard,
): Parsed<SftpConfiguration> {
  const parsed = validate(configuration);
  if (!parsed.ok) return parsed;
  const { host, credentials } = parsed.value;
  const issues: Issue[] = [...credentialIssues(credentials), ...parsePaths(parsed.value).issues];
  const issue = guard.hostIssue(host);
  if (issue !== undefined) issues.push({ field: 'configuration.host', issue });
  return issues.length === 0 ? parsed : { ok: false, issues };
}

function credentialIssues({ password, private_key, passphrase }: SftpCredentials): Issue[] {
  if (private_key === undefined) {
    const issue = 'is required, or private_key in its place; give one of them';
    return password === undefined ? [{ field: 'configuration.credentials.password', issue }] : [];
  }
  // References have no text yet; what they stand for is parsed when it is used.
  if (typeof private_key !== 'string' || typeof passphrase === 'object') return [];
  const key = utils.parseKey(private_key, passphrase);
  // Unreadable keys come back as errors, and public ones as keys without a private half.
  if ('isPrivateKey' in key && key.isPrivateKey()) return [];
  const issue = 'cannot be read; give a private key as text, and its passphrase where it has one';
  return [{ field: 'configuration.credentials.private_key', issue }];
}
