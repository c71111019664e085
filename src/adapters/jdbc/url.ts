import { type NetworkGuard } from '../network-guard';

export type DialectName = 'postgresql' | 'mysql' | 'sqlserver' | 'oracle';

/** Where a JDBC URL leads. What it cannot express (clusters, instances, files) is refused by `parseJdbcUrl`. */
export interface JdbcTarget {
  dialect: DialectName;
  host: string;
  port: number;
  /** Database; for Oracle the service name, or the SID where `isSid`. */
  database: string;
  isSid: boolean;
  /** What the URL says about encryption; undefined where it says nothing. */
  encrypt: boolean | undefined;
  /** `search_path` of PostgreSQL. */
  schema: string | undefined;
  applicationName: string | undefined;
}

export type ParsedUrl = { ok: true; target: JdbcTarget } | { ok: false; issue: string };

type Place = Pick<JdbcTarget, 'dialect' | 'host' | 'port' | 'database' | 'isSid'>;
interface Split {
  place: Place;
  properties: [string, string][];
}

const fault = (issue: string): { ok: false; issue: string } => ({ ok: false, issue });

const CREDENTIALS = new Set(['user', 'username', 'password', 'accesstoken', 'trustpassword']);

/** Values of the URL's own TLS switches. All that ask for TLS verify certificate and name, as nothing else is safe. */
const TLS_SWITCHES: Readonly<
  Record<DialectName, Readonly<Record<string, Readonly<Record<string, boolean>>>>>
> = {
  postgresql: {
    ssl: { true: true, false: false },
    sslmode: { disable: false, require: true, 'verify-ca': true, 'verify-full': true },
  },
  mysql: {
    usessl: { true: true, false: false },
    requiressl: { true: true, false: false },
    sslmode: {
      disable: false,
      disabled: false,
      required: true,
      verify_ca: true,
      verify_identity: true,
      'verify-ca': true,
      'verify-full': true,
    },
  },
  sqlserver: { encrypt: { true: true, false: false, mandatory: true, no: false, yes: true } },
  oracle: {},
};

/** Taken and without effect here: they tune the Java driver, or name what holds anyway. */
const WITHOUT_EFFECT: Readonly<Record<DialectName, readonly string[]>> = {
  postgresql: ['tcpkeepalive', 'rewritebatchedinserts', 'preparethreshold', 'binarytransfer', 'stringtype'],
  mysql: [
    'allowpublickeyretrieval',
    'characterencoding',
    'cacheprepstmts',
    'rewritebatchedstatements',
    'useunicode',
    'useserverprepstmts',
    'zerodatetimebehavior',
  ],
  sqlserver: ['sendstringparametersasunicode', 'selectmethod', 'multisubnetfailover'],
  oracle: [],
};

const FORMS: Readonly<Record<DialectName, string>> = {
  postgresql: 'jdbc:postgresql://host:5432/database',
  mysql: 'jdbc:mysql://host:3306/database or jdbc:mariadb://host:3306/database',
  sqlserver: 'jdbc:sqlserver://host:1433;databaseName=database',
  oracle: 'jdbc:oracle:thin:@//host:1521/service',
};

const HOST = String.raw`(\[[0-9a-fA-F:.]+\]|[^\s/?#;:@\\,{}()[\]]+)`;
const PATTERNS = {
  postgresql: new RegExp(`^jdbc:postgresql://${HOST}(?::(\\d{1,5}))?/([^/?#;]*)(?:\\?(.*))?$`, 's'),
  mysql: new RegExp(`^jdbc:(?:mysql|mariadb)://${HOST}(?::(\\d{1,5}))?/([^/?#;]*)(?:\\?(.*))?$`, 's'),
  sqlserver: new RegExp(`^jdbc:sqlserver://${HOST}(?::(\\d{1,5}))?(?:;(.*))?$`, 's'),
  oracleService: new RegExp(
    `^jdbc:oracle:thin:@(?:(tcps?):)?(?://)?${HOST}(?::(\\d{1,5}))?/([\\w.$#-]+)(?:\\?(.*))?$`,
    'is',
  ),
  oracleSid: new RegExp(`^jdbc:oracle:thin:@${HOST}:(\\d{1,5}):([\\w.$#-]+)$`),
};

/**
 * Reads the URLs of the JDBC drivers. Only what leads to one host and what is known to be harmless is taken:
 * options that read files, load classes, name sockets or proxies, or carry credentials are refused by name.
 */
export function parseJdbcUrl(url: string, guard: NetworkGuard): ParsedUrl {
  if (!/^jdbc:(postgresql|mysql|mariadb|sqlserver|oracle:thin):/.test(url)) {
    return fault(
      `must begin with jdbc:postgresql:, jdbc:mysql:, jdbc:mariadb:, jdbc:sqlserver: or jdbc:oracle:thin:`,
    );
  }
  const split = splitUrl(url);
  if ('ok' in split) return split;
  const { place, properties } = split;
  if (place.port < 1 || place.port > 65_535) return fault('has a port that is not between 1 and 65535');
  const hostIssue = guard.hostIssue(place.host);
  if (hostIssue !== undefined) return fault(hostIssue);
  const target: JdbcTarget = { ...place, encrypt: undefined, schema: undefined, applicationName: undefined };
  if (url.toLowerCase().startsWith('jdbc:oracle:thin:@tcp')) target.encrypt = /@tcps:/i.test(url);
  for (const [name, value] of properties) {
    const issue = takeProperty(target, name, value);
    if (issue !== undefined) return fault(issue);
  }
  if (target.database === '') return fault(`names no database; write ${FORMS[target.dialect]}`);
  return { ok: true, target };
}

function splitUrl(url: string): Split | { ok: false; issue: string } {
  if (url.startsWith('jdbc:postgresql:')) return withQuery(url, 'postgresql', 5432);
  if (url.startsWith('jdbc:sqlserver:')) return sqlServer(url);
  if (url.startsWith('jdbc:oracle:')) return oracle(url);
  return withQuery(url, 'mysql', 3306);
}

function withQuery(
  url: string,
  dialect: 'postgresql' | 'mysql',
  usual: number,
): Split | { ok: false; issue: string } {
  const match = PATTERNS[dialect].exec(url);
  if (match === null)
    return fault(`does not have the form ${FORMS[dialect]} with exactly one host, without user name`);
  const [, host = '', port, path = '', query = ''] = match;
  const database = decoded(path);
  if (database === undefined) return fault('has a wrongly encoded database name');
  const place: Place = { dialect, host, port: Number(port ?? usual), database, isSid: false };
  return { place, properties: [...new URLSearchParams(query)] };
}

function sqlServer(url: string): Split | { ok: false; issue: string } {
  const match = PATTERNS.sqlserver.exec(url);
  if (match === null) {
    return fault(
      `does not have the form ${FORMS.sqlserver}; give host and port, an instance name cannot be looked up`,
    );
  }
  const [, host = '', port, list = ''] = match;
  const place: Place = { dialect: 'sqlserver', host, port: Number(port ?? 1433), database: '', isSid: false };
  const properties: [string, string][] = [];
  for (const [, name = '', braced, bare = ''] of list.matchAll(
    /([^=;]+)=(?:\{((?:[^}]|\}\})*)\}|([^;]*))(?:;|$)/g,
  )) {
    properties.push([name.trim(), braced?.replaceAll('}}', '}') ?? bare]);
  }
  return { place, properties };
}

function oracle(url: string): Split | { ok: false; issue: string } {
  const sid = PATTERNS.oracleSid.exec(url);
  if (sid !== null) {
    const [, host = '', port, database = ''] = sid;
    return { place: { dialect: 'oracle', host, port: Number(port), database, isSid: true }, properties: [] };
  }
  const match = PATTERNS.oracleService.exec(url);
  if (match === null) {
    return fault(
      `does not have the form ${FORMS.oracle}, tcps for encryption, with exactly one host, without user name or description`,
    );
  }
  const [, , host = '', port, database = '', query = ''] = match;
  const place: Place = { dialect: 'oracle', host, port: Number(port ?? 1521), database, isSid: false };
  return { place, properties: [...new URLSearchParams(query)] };
}

/** Puts one property of the URL into the target; returns why it cannot be taken. */
function takeProperty(target: JdbcTarget, name: string, value: string): string | undefined {
  const key = name.toLowerCase();
  if (CREDENTIALS.has(key)) {
    return 'must not contain a user name or password; put them into the credentials, where they are encrypted';
  }
  const tls = TLS_SWITCHES[target.dialect][key];
  if (tls !== undefined) {
    const encrypt = Object.hasOwn(tls, value.toLowerCase()) ? tls[value.toLowerCase()] : undefined;
    if (encrypt === undefined)
      return `cannot have ${name} with this value; use one of: ${Object.keys(tls).join(', ')}`;
    // `ssl=true&sslmode=disable` is for the Java driver to interpret: here the word for encryption wins.
    target.encrypt = encrypt || target.encrypt === true;
    return undefined;
  }
  if (target.dialect === 'sqlserver' && (key === 'databasename' || key === 'database'))
    target.database = value;
  else if (target.dialect === 'postgresql' && key === 'currentschema') target.schema = value;
  else if (key === 'applicationname') target.applicationName = value;
  else if (target.dialect === 'sqlserver' && key === 'trustservercertificate' && value === 'false')
    return undefined;
  else if (!WITHOUT_EFFECT[target.dialect].includes(key)) {
    return `must not have the option ${name}; remove it${insteadOf(key)}`;
  }
  return undefined;
}

function insteadOf(key: string): string {
  if (/cert|ssl|trust|key/.test(key)) return ' and use connection.tls, which takes PEM texts';
  if (/timeout/.test(key)) return ' and use timeout_seconds or connect_timeout_seconds';
  return '';
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
