import { createSecureContext } from 'node:tls';
import { type Issue } from '../../kernel/errors';
import { compileConfiguration } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter, type Parsed } from '../port';
import { statusRange } from './classify';
import { apiKeyHeaderIssue, parseHeaders } from './headers';
import { type RestConfiguration, restSchema } from './schema';
import { RestSender, type RestOptions } from './sender';
import { parseTarget } from './target';

/** HTTP and HTTPS endpoints; callbacks to submitters go the same way. */
export function createRestAdapter(options: RestOptions): Adapter<RestConfiguration> {
  const validate = compileConfiguration<RestConfiguration>(restSchema);
  return {
    protocol: 'REST',
    title: 'REST (HTTP and HTTPS)',
    configurationSchema: restSchema,
    parse: (configuration) => parse(configuration, validate, options.guard),
    open: (configuration) => new RestSender(configuration, options),
  };
}

function parse(
  configuration: unknown,
  validate: (configuration: unknown) => Parsed<RestConfiguration>,
  guard: NetworkGuard,
): Parsed<RestConfiguration> {
  const parsed = validate(configuration);
  if (!parsed.ok) return parsed;
  const issues = [
    ...endpointIssues(parsed.value, guard),
    ...parseHeaders(parsed.value).issues,
    ...authIssues(parsed.value, guard),
    ...statusIssues(parsed.value),
    ...tlsIssues(parsed.value),
  ];
  return issues.length === 0 ? parsed : { ok: false, issues };
}

/** What a schema cannot say. Nothing here asks a name server; the guard does at each connection. */
function endpointIssues(configuration: RestConfiguration, guard: NetworkGuard): Issue[] {
  const target = parseTarget(configuration.endpoint, guard);
  const health = configuration.health_check?.endpoint;
  return [
    ...(target.ok ? [] : [{ field: 'configuration.endpoint', issue: target.issue }]),
    ...issue(
      'configuration.health_check.endpoint',
      health === undefined ? undefined : guard.urlIssue(health),
    ),
  ];
}

function authIssues({ auth }: RestConfiguration, guard: NetworkGuard): Issue[] {
  switch (auth?.type) {
    case 'bearer': {
      const given = [auth.token, auth.token_env_var].filter((value) => value !== undefined).length;
      const text =
        given === 1 ? undefined : 'is required, or token_env_var in its place; give exactly one of them';
      return [...issue('configuration.auth.token', text ?? headerTextIssue(auth.token))];
    }
    case 'api_key':
      return [
        ...issue(
          'configuration.auth.header',
          auth.header === undefined ? undefined : apiKeyHeaderIssue(auth.header),
        ),
        ...issue('configuration.auth.value', headerTextIssue(auth.value)),
      ];
    case 'basic':
      return issue(
        'configuration.auth.username',
        auth.username.includes(':') ? 'must not contain a colon' : undefined,
      );
    case 'oauth2':
      return issue('configuration.auth.token_url', guard.urlIssue(auth.token_url));
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
      return low <= high
        ? []
        : issue(`configuration.${name}[${index}]`, 'begins after its end; turn the range round');
    }),
  );
}

/** Certificates and keys that cannot be read are found now, not at the first delivery. */
function tlsIssues({ tls }: RestConfiguration): Issue[] {
  if (tls === undefined || typeof tls.key === 'object' || typeof tls.passphrase === 'object') return [];
  const { ca, cert, key, passphrase } = tls;
  return [
    ...issue('configuration.tls.ca', ca === undefined ? undefined : contextIssue({ ca })),
    ...issue(
      'configuration.tls.key',
      cert === undefined || key === undefined
        ? undefined
        : contextIssue({ cert, key, ...(passphrase === undefined ? {} : { passphrase }) }),
    ),
  ];
}

function contextIssue(options: {
  ca?: string;
  cert?: string;
  key?: string;
  passphrase?: string;
}): string | undefined {
  if (options.ca !== undefined && !options.ca.includes('-----BEGIN CERTIFICATE-----')) {
    return 'is not a PEM certificate; paste the text from -----BEGIN CERTIFICATE----- on';
  }
  try {
    createSecureContext(options);
    return undefined;
  } catch {
    return 'cannot be read, or key, certificate and passphrase do not belong together; give them as PEM texts';
  }
}

const issue = (field: string, text: string | undefined): Issue[] =>
  text === undefined ? [] : [{ field, issue: text }];
