import { utils } from 'ssh2';
import { type Issue } from '../../kernel/errors';
import { compileConfiguration, issueAt } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter } from '../port';
import { parsePaths } from './paths';
import { type SftpConfiguration, type SftpCredentials, sftpSchema } from './schema';
import { SftpSender } from './sender';

export interface SftpOptions {
  guard: NetworkGuard;
}

/** Files on a server that speaks SFTP (the file transfer of SSH). */
export function createSftpAdapter({ guard }: SftpOptions): Adapter<SftpConfiguration> {
  return {
    protocol: 'SFTP',
    title: 'SFTP (files over SSH)',
    configurationSchema: sftpSchema,
    parse: compileConfiguration<SftpConfiguration>(sftpSchema, (configuration) => [
      ...credentialIssues(configuration.credentials),
      ...parsePaths(configuration).issues,
      ...issueAt('host', guard.hostIssue(configuration.host)),
    ]),
    open: (configuration) => {
      const issue = guard.hostIssue(configuration.host);
      if (issue !== undefined) throw new Error(`host ${issue}`);
      return new SftpSender(configuration, guard);
    },
  };
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
