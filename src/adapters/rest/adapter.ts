import { type Issue } from '../../kernel/errors';
import { compileConfiguration, issueAt } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter } from '../port';
import { tlsIssues } from '../tls-configuration';
import { statusRange } from './classify';
import { apiKeyHeaderIssue, parseHeaders } from './headers';
import { type RestConfiguration, restSchema } from './schema';
import { RestSender, type RestOptions } from './sender';
import { parseTarget } from './target';

/** HTTP and HTTPS endpoints; callbacks to submitters go the same way. */
export function createRestAdapter(options: RestOptions): Adapter<RestConfiguration> {
  return {
    protocol: 'REST',
    title: 'REST (HTTP and HTTPS)',
    configurationSchema: restSchema,
    parse: compileConfiguration<RestConfiguration>(restSchema, (configuration) => [
      ...endpointIssues(configuration, options.guard),
      ...parseHeaders(configuration).issues,
      ...authIssues(configuration, options.guard),
      ...statusIssues(configuration),
      ...tlsIssues('configuration.tls', configuration.tls),
    ]),
    open: (configuration) => new RestSender(configuration, options),
  };
}

/** What a schema cannot say. Nothing here asks a name server; the guard does at each connection. */
function endpointIssues(configuration: RestConfiguration, guard: NetworkGuard): Issue[] {
  const target = parseTarget(configuration.endpoint, guard);
  const { proxy } = configuration;
  const health = configuration.health_check?.endpoint;
  return [
    ...issueAt('endpoint', target.ok ? undefined : target.issue),
    ...issueAt('proxy', proxy === undefined ? undefined : proxyIssue(proxy, guard)),
    ...issueAt('health_check.endpoint', health === undefined ? undefined : guard.urlIssue(health)),
  ];
}

function proxyIssue(proxy: string, guard: NetworkGuard): string | undefined {
  const issue = guard.urlIssue(proxy);
  if (issue !== undefined) return issue.replace('into the credentials', 'into proxy_credentials');
  const { pathname, search, hash } = new URL(proxy);
  return pathname === '/' && search === '' && hash === '' ? undefined : 'must end after host and port';
}

function authIssues({ auth }: RestConfiguration, guard: NetworkGuard): Issue[] {
  switch (auth?.type) {
    case 'bearer': {
      const given = [auth.token, auth.token_env_var].filter((value) => value !== undefined).length;
      const text =
        given === 1 ? undefined : 'is required, or token_env_var in its place; give exactly one of them';
      return [...issueAt('auth.token', text ?? headerTextIssue(auth.token))];
    }
    case 'api_key':
      return [
        ...issueAt('auth.header', auth.header === undefined ? undefined : apiKeyHeaderIssue(auth.header)),
        ...issueAt('auth.value', headerTextIssue(auth.value)),
      ];
    case 'basic':
      return issueAt('auth.username', auth.username.includes(':') ? 'must not contain a colon' : undefined);
    case 'oauth2':
      return issueAt('auth.token_url', guard.urlIssue(auth.token_url));
    case 'none':
    case undefined:
      return [];
  }
}

const headerTextIssue = (value: unknown): string | undefined =>
  typeof value === 'string' && /[^\x20-\x7e]/.test(value)
    ? 'must not contain line breaks, control characters or anything but ASCII'
    : undefined;

function statusIssues(configuration: RestConfiguration): Issue[] {
  return (['success_statuses', 'retry_statuses'] as const).flatMap((name) =>
    (configuration[name] ?? []).flatMap((pattern, index) => {
      const [low, high] = statusRange(pattern) ?? [1, 0];
      return low <= high ? [] : issueAt(`${name}[${index}]`, 'begins after its end; turn the range round');
    }),
  );
}
