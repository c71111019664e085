import { createPrivateKey } from 'node:crypto';
import { type Issue } from '../../kernel/errors';
import { issueAt } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { tlsIssues } from '../tls-configuration';
import { compileMail } from './message';
import { type EmailConfiguration } from './schema';
import { securityOf } from './transport';

/** What a schema cannot say; each issue names its field. Nothing here asks a name server. */
export function configurationIssues(configuration: EmailConfiguration, guard: NetworkGuard): Issue[] {
  return [
    ...issueAt('host', hostIssue(configuration.host, guard)),
    ...credentialIssues(configuration, guard),
    ...tlsIssues('configuration.tls', configuration.tls),
    ...issueAt('dkim.private_key', keyIssue(configuration.dkim?.private_key)),
    ...compileMail(configuration).issues,
  ];
}

const hostIssue = (host: string, guard: NetworkGuard): string | undefined =>
  /[{}]/.test(host) ? 'must not have placeholders; write the host out' : guard.hostIssue(host);

function credentialIssues(configuration: EmailConfiguration, guard: NetworkGuard): Issue[] {
  const { credentials } = configuration;
  if (credentials === undefined) return [];
  const { password, access_token, oauth2 } = credentials;
  const given = [password, access_token, oauth2].filter((way) => way !== undefined).length;
  const optional =
    securityOf(configuration) === 'opportunistic'
      ? 'would go out in the clear when encryption is suppressed; use security tls or starttls'
      : undefined;
  return [
    ...issueAt(
      'credentials.password',
      given === 1
        ? undefined
        : 'is required, or access_token or oauth2 in its place; give exactly one of them',
    ),
    ...issueAt('credentials', optional),
    ...issueAt(
      'credentials.oauth2.token_url',
      oauth2 === undefined ? undefined : guard.urlIssue(oauth2.token_url),
    ),
  ];
}

function keyIssue(key: unknown): string | undefined {
  if (typeof key !== 'string') return undefined;
  try {
    createPrivateKey(key);
    return undefined;
  } catch {
    return 'is not a PEM private key; paste the text from -----BEGIN PRIVATE KEY----- on';
  }
}
