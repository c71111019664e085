import { createSecureContext } from 'node:tls';
import { type Issue } from '../../kernel/errors';
import { compileConfiguration } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter, type Parsed } from '../port';
import { type Dialect, DIALECTS, identifierIssue } from './dialect';
import { parseSource } from './mapping';
import { type JdbcConfiguration, jdbcSchema } from './schema';
import { type JdbcOptions, JdbcSender } from './sender';
import { parseStatement } from './statement';
import { parseTable } from './table-name';
import { type DialectName, type JdbcTarget, parseJdbcUrl } from './url';

/** Databases, by the URLs that JDBC uses. */
export function createJdbcAdapter(options: JdbcOptions): Adapter<JdbcConfiguration> {
  const validate = compileConfiguration<JdbcConfiguration>(jdbcSchema);
  return {
    protocol: 'JDBC',
    title: 'JDBC (rows in a relational database)',
    configurationSchema: jdbcSchema,
    parse: (configuration) => parse(configuration, validate, options.guard),
    open: (configuration) => new JdbcSender(configuration, options),
  };
}

function parse(
  configuration: unknown,
  validate: (configuration: unknown) => Parsed<JdbcConfiguration>,
  guard: NetworkGuard,
): Parsed<JdbcConfiguration> {
  const parsed = validate(configuration);
  if (!parsed.ok) return parsed;
  const url = parseJdbcUrl(parsed.value.connection.url, guard);
  if (!url.ok) return { ok: false, issues: issue('connection.url', url.issue) };
  const dialect = DIALECTS[url.target.dialect];
  const issues = [
    ...connectionIssues(parsed.value, url.target),
    ...modeIssues(parsed.value, dialect),
    ...nameIssues(parsed.value, dialect),
    ...columnIssues(parsed.value, dialect),
  ];
  return issues.length === 0 ? parsed : { ok: false, issues };
}

const issue = (field: string, text: string | undefined): Issue[] =>
  text === undefined ? [] : [{ field: `configuration.${field}`, issue: text }];

/** What class names of drivers have in common, newest first or not. */
const DRIVERS: Readonly<Record<DialectName, RegExp>> = {
  postgresql: /^(org\.postgresql\.Driver|postgres(ql)?)$/,
  mysql: /^(com\.mysql\.(cj\.)?jdbc\.Driver|org\.mariadb\.jdbc\.Driver|mysql|mariadb)$/,
  sqlserver: /^(com\.microsoft\.sqlserver\.jdbc\.SQLServerDriver|sqlserver)$/,
  oracle: /^(oracle\.jdbc\.(driver\.)?OracleDriver|oracle)$/,
};

function connectionIssues({ connection }: JdbcConfiguration, target: JdbcTarget): Issue[] {
  const { driver, tls } = connection;
  const fits = driver === undefined || DRIVERS[target.dialect].test(driver);
  const contradicts = tls !== undefined && target.encrypt === false;
  return [
    ...issue('connection.driver', fits ? undefined : 'does not belong to the URL; remove it'),
    ...issue(
      'connection.tls',
      contradicts ? 'is given, but the URL turns encryption off; remove one of them' : undefined,
    ),
    ...tlsIssues(tls),
  ];
}

/** Certificates and keys that cannot be read are found now, not at the first delivery. */
function tlsIssues(tls: JdbcConfiguration['connection']['tls']): Issue[] {
  if (tls === undefined || typeof tls.key === 'object' || typeof tls.passphrase === 'object') return [];
  const { ca, cert, key, passphrase } = tls;
  const pair = cert === undefined || key === undefined ? undefined : { cert, key };
  return [
    ...issue('connection.tls.ca', ca === undefined ? undefined : contextIssue({ ca })),
    ...issue(
      'connection.tls.key',
      pair && contextIssue({ ...pair, ...(passphrase === undefined ? {} : { passphrase }) }),
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

/** Which fields a mode needs and which it has no use for. */
function modeIssues(configuration: JdbcConfiguration, dialect: Dialect): Issue[] {
  const { mode = 'insert', table, statement, key_fields, delivery_id_column } = configuration;
  if (mode === 'statement') {
    return [
      ...issue(
        'statement',
        statement === undefined ? 'is required for the mode statement; add it' : undefined,
      ),
      ...issue('table', table === undefined ? undefined : 'has no effect in the mode statement; remove it'),
      ...issue(
        'delivery_id_column',
        delivery_id_column && 'has no effect in the mode statement; use the parameter :delivery_id',
      ),
    ];
  }
  const merges = mode === 'insert_ignore' && (dialect.name === 'sqlserver' || dialect.name === 'oracle');
  const needsKeys = mode === 'upsert' || mode === 'update' || mode === 'delete' || merges;
  return [
    ...issue('table', table === undefined ? 'is required; add it' : undefined),
    ...issue('statement', statement && 'is only for the mode statement; remove it or change the mode'),
    ...issue(
      'key_fields',
      needsKeys && key_fields === undefined
        ? `is required for the mode ${mode} with this database; add it`
        : undefined,
    ),
  ];
}

function nameIssues(configuration: JdbcConfiguration, dialect: Dialect): Issue[] {
  const { mode = 'insert', table, statement, key_fields = [], columns } = configuration;
  const parsedTable = table === undefined || mode === 'statement' ? undefined : parseTable(table, dialect);
  const parsedStatement =
    statement === undefined || mode !== 'statement' ? undefined : parseStatement(statement, dialect);
  const idColumns = [configuration.delivery_id_column, configuration.row_number_column];
  const unmapped = key_fields.flatMap((key, index) =>
    columns === undefined || Object.hasOwn(columns, key) || idColumns.includes(key)
      ? []
      : issue(`key_fields[${index}]`, 'is not among the columns; add it to columns'),
  );
  return [
    ...issue('table', parsedTable?.ok === false ? parsedTable.issue : undefined),
    ...issue('statement', parsedStatement?.ok === false ? parsedStatement.issue : undefined),
    ...(mode === 'statement' ? [] : unmapped),
    ...(['delivery_id_column', 'row_number_column'] as const).flatMap((field) =>
      issue(field, configuration[field] && identifierIssue(dialect, configuration[field])),
    ),
  ];
}

function columnIssues({ columns = {}, rows }: JdbcConfiguration, dialect: Dialect): Issue[] {
  const emptyStep = rows !== undefined && rows !== '$' && rows.replace(/^\$\./, '').split('.').includes('');
  return [
    ...issue('rows', emptyStep ? 'has an empty step; write a path such as order.items' : undefined),
    ...Object.entries(columns).flatMap(([name, text]) => {
      const parsed = parseSource(text);
      return issue(`columns.${name}`, parsed.ok ? identifierIssue(dialect, name) : parsed.issue);
    }),
  ];
}
