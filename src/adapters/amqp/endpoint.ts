import { type Issue } from '../../kernel/errors';
import { type TlsOptions } from '../network-connect';
import { type NetworkGuard } from '../network-guard';
import { plain } from '../schema-parts';
import { plainTls, tlsIssues } from '../tls-configuration';
import { type ConnectionConfiguration } from './schema';

/** Which brokers, and how to be let in; secrets as texts. */
export interface Endpoint {
  /** Tried in this order; the one that worked last comes first. */
  brokers: Broker[];
  secure: boolean;
  tls: TlsOptions;
  vhost: string;
  username: string;
  password: string;
  mechanism: 'plain' | 'external';
  heartbeatSeconds: number;
}

export interface Broker {
  host: string;
  port: number;
}

const DEFAULT_HEARTBEAT_SECONDS = 30;

const FIELD = 'configuration.connection';
/** What a URL says by itself; each given beside it would be a second truth. */
const IN_URL = ['host', 'hosts', 'port', 'vhost'] as const;
/** Options of URLs (RabbitMQ's query parameters) that mean the same here or do nothing here. */
const QUERY = new Set(['heartbeat', 'connection_timeout', 'channel_max', 'channelMax', 'frameMax', 'locale']);

/** The endpoint, or field-exact issues; a url that is still a reference has only what stands beside it. */
export function parseEndpoint(
  configuration: ConnectionConfiguration,
  guard: NetworkGuard,
): { endpoint: Endpoint; issues: Issue[] } {
  const { url, tls } = configuration;
  const isReference = typeof url === 'object';
  const parts = url === undefined || isReference ? fromFields(configuration) : fromUrl(url, configuration);
  const issues = [
    ...parts.issues,
    ...(isReference ? [] : hostIssues(parts.endpoint.brokers, fieldOfHost(configuration), guard)),
    ...(typeof tls === 'object' ? tlsIssues(`${FIELD}.tls`, tls) : []),
    ...mechanismIssues(configuration, parts.endpoint.secure || isReference),
  ];
  return { endpoint: parts.endpoint, issues };
}

type Parts = { endpoint: Endpoint; issues: Issue[] };

/** Fields that a url and its alternative share. */
function base(configuration: ConnectionConfiguration): Omit<Endpoint, 'brokers'> {
  const { credentials, tls, mechanism, heartbeat_seconds, vhost } = configuration;
  const unresolved =
    typeof tls === 'object' && (typeof tls.key === 'object' || typeof tls.passphrase === 'object');
  return {
    secure: typeof tls === 'object' || tls === true,
    tls: typeof tls === 'object' && !unresolved ? plainTls(tls) : {},
    vhost: vhost ?? '/',
    username: credentials?.username ?? 'guest',
    password: typeof credentials?.password === 'object' ? '' : (credentials?.password ?? 'guest'),
    mechanism: mechanism ?? 'plain',
    heartbeatSeconds: heartbeat_seconds ?? DEFAULT_HEARTBEAT_SECONDS,
  };
}

const portOf = (secure: boolean): number => (secure ? 5671 : 5672);

function fromFields(configuration: ConnectionConfiguration): Parts {
  const shared = base(configuration);
  const { host, hosts, port = portOf(shared.secure), url } = configuration;
  const brokers = (hosts ?? (host === undefined ? [] : [host])).map((entry) => brokerOf(entry, port, host));
  const issues = url === undefined ? choiceIssues(configuration) : urlCompanions(configuration);
  return { endpoint: { ...shared, brokers }, issues };
}

function choiceIssues({ host, hosts }: ConnectionConfiguration): Issue[] {
  if (host !== undefined && hosts !== undefined)
    return [issueOf('hosts', 'stands beside host; give only one of them')];
  if (host === undefined && hosts === undefined)
    return [issueOf('host', 'is required; add it, or hosts or url in its place')];
  return [];
}

/** `host:port` in a list; an IPv6 address with a port stands in brackets. A single host has no port in it. */
function brokerOf(entry: string, port: number, single: string | undefined): Broker {
  const [, host, own] = /^(\[[^\]]*\]|[^:]*):([0-9]{1,5})$/.exec(entry) ?? [];
  if (single !== undefined || host === undefined) return { host: entry, port };
  return { host, port: Number(own) };
}

const urlCompanions = (configuration: ConnectionConfiguration): Issue[] =>
  IN_URL.filter((name) => configuration[name] !== undefined).map((name) =>
    issueOf(name, 'stands beside url, which says it already; remove one of them'),
  );

function fromUrl(text: string, configuration: ConnectionConfiguration): Parts {
  const shared = base(configuration);
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^amqps?:$/.test(parsed.protocol) || parsed.hostname === '') {
    const issue = 'is not a valid URL; write e.g. amqps://user:password@broker.example.com/vhost';
    return { endpoint: { ...shared, brokers: [] }, issues: [issueOf('url', issue)] };
  }
  const secure = parsed.protocol === 'amqps:';
  const account = accountOf(parsed);
  const vhost = decoded(parsed.pathname.slice(1));
  const heartbeat = parsed.searchParams.get('heartbeat');
  const issues = [...urlCompanions(configuration), ...urlIssues(parsed, configuration, account, vhost)];
  const endpoint: Endpoint = {
    ...shared,
    secure,
    brokers: [{ host: parsed.hostname, port: parsed.port === '' ? portOf(secure) : Number(parsed.port) }],
    vhost: vhost === undefined || vhost === '' ? '/' : vhost,
    ...(typeof account === 'object' ? account : {}),
    ...(heartbeat === null || configuration.heartbeat_seconds !== undefined
      ? {}
      : { heartbeatSeconds: Number(heartbeat) }),
  };
  return { endpoint, issues };
}

type Account = { username: string; password: string } | 'none' | 'malformed';

function accountOf(url: URL): Account {
  if (url.username === '' && url.password === '') return 'none';
  const [username, password] = [decoded(url.username), decoded(url.password)];
  return username === undefined || password === undefined ? 'malformed' : { username, password };
}

function urlIssues(
  url: URL,
  { credentials, tls }: ConnectionConfiguration,
  account: Account,
  vhost: string | undefined,
): Issue[] {
  const issues: Issue[] = [];
  if (account === 'malformed' || vhost === undefined)
    issues.push(issueOf('url', 'has a percent sign that encodes nothing; write %25 for the sign itself'));
  if (vhost?.includes('/') === true && url.pathname.slice(1).includes('/'))
    issues.push(issueOf('url', 'has a slash inside the virtual host; write %2F for it'));
  if (typeof account === 'object' && credentials !== undefined)
    issues.push(issueOf('credentials', 'stands beside a url with a user name; remove one of them'));
  if (url.protocol === 'amqp:' && tls !== undefined && tls !== false)
    issues.push(issueOf('tls', 'stands beside an amqp:// url; write amqps://'));
  if (tls === false && url.protocol === 'amqps:')
    issues.push(issueOf('tls', 'is false beside an amqps:// url; remove one of them'));
  const unknown = [...url.searchParams.keys()].find((name) => !QUERY.has(name));
  if (unknown !== undefined)
    issues.push(issueOf('url', 'has options that are not known here; certificates go under tls'));
  if (!/^([1-9][0-9]{0,2})?$/.test(url.searchParams.get('heartbeat') ?? ''))
    issues.push(issueOf('url', 'has a heartbeat that is no number of seconds from 1 to 999'));
  return issues;
}

const issueOf = (name: string, issue: string): Issue => ({ field: `${FIELD}.${name}`, issue });

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const fieldOfHost = ({ url, hosts }: ConnectionConfiguration): ((index: number) => string) => {
  if (url !== undefined) return () => 'url';
  return hosts === undefined ? () => 'host' : (index) => `hosts[${index}]`;
};

function hostIssues(
  brokers: readonly Broker[],
  field: (index: number) => string,
  guard: NetworkGuard,
): Issue[] {
  return brokers.flatMap(({ host, port }, index) => {
    const issue = hostIssue(host, port, guard);
    return issue === undefined ? [] : [issueOf(field(index), issue)];
  });
}

function hostIssue(host: string, port: number, guard: NetworkGuard): string | undefined {
  if (/[{}]/.test(host)) return 'must not have placeholders; write the host out';
  return port < 1 || port > 65_535 ? 'has a port outside 1 to 65535' : guard.hostIssue(host);
}

function mechanismIssues({ mechanism, tls }: ConnectionConfiguration, secure: boolean): Issue[] {
  if (mechanism !== 'external') return [];
  if (!secure) return [issueOf('mechanism', 'external needs tls with a client certificate')];
  return typeof tls === 'object' && tls.cert !== undefined
    ? []
    : [issueOf('tls.cert', 'is required for the mechanism external; add it with its key')];
}

/** Throws where a reference is left: a bug of whoever opens a sender. */
export function assertResolved({ url, credentials, tls }: ConnectionConfiguration): void {
  const secrets = [url, credentials?.password, ...(typeof tls === 'object' ? [tls.key, tls.passphrase] : [])];
  for (const secret of secrets) if (secret !== undefined) plain(secret);
}
