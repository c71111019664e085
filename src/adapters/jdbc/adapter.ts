import { type Issue } from '../../kernel/errors';
import { compileConfiguration, issueAt } from '../configuration';
import { type NetworkGuard } from '../network-guard';
import { type Adapter } from '../port';
import { tlsIssues } from '../tls-configuration';
import { type Dialect, DIALECTS, identifierIssue } from './dialect';
import { parseSource } from './mapping';
import { type JdbcConfiguration, jdbcSchema } from './schema';
import { type JdbcOptions, JdbcSender } from './sender';
import { parseStatement } from './statement';
import { parseTable } from './table-name';
import { type DialectName, type JdbcTarget, parseJdbcUrl } from './url';

/** Databases, by the URLs that JDBC uses. */
export function createJdbcAdapter(options: JdbcOptions): Adapter<JdbcConfiguration> {
  return {
    protocol: 'JDBC',
    title: 'JDBC (rows in a relational database)',
    configurationSchema: jdbcSchema,
    parse: compileConfiguration<JdbcConfiguration>(jdbcSchema, (configuration) =>
      issuesOf(configuration, options.guard),
    ),
    open: (configuration) => new JdbcSender(configuration, options),
  };
}

function issuesOf(configuration: JdbcConfiguration, guard: NetworkGuard): Issue[] {
  const url = parseJdbcUrl(configuration.connection.url, guard);
  if (!url.ok) return issueAt('connection.url', url.issue);
  const dialect = DIALECTS[url.target.dialect];
  return [
    ...connectionIssues(configuration, url.target),
    ...modeIssues(configuration, dialect),
    ...nameIssues(configuration, dialect),
    ...columnIssues(configuration, dialect),
  ];
}

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
    ...issueAt('connection.driver', fits ? undefined : 'does not belong to the URL; remove it'),
    ...issueAt(
      'connection.tls',
      contradicts ? 'is given, but the URL turns encryption off; remove one of them' : undefined,
    ),
    ...tlsIssues('configuration.connection.tls', tls),
  ];
}

/** Which fields a mode needs and which it has no use for. */
function modeIssues(configuration: JdbcConfiguration, dialect: Dialect): Issue[] {
  const { mode = 'insert', table, statement, key_fields, delivery_id_column } = configuration;
  if (mode === 'statement') {
    return [
      ...issueAt(
        'statement',
        statement === undefined ? 'is required for the mode statement; add it' : undefined,
      ),
      ...issueAt('table', table === undefined ? undefined : 'has no effect in the mode statement; remove it'),
      ...issueAt(
        'delivery_id_column',
        delivery_id_column && 'has no effect in the mode statement; use the parameter :delivery_id',
      ),
    ];
  }
  const merges = mode === 'insert_ignore' && (dialect.name === 'sqlserver' || dialect.name === 'oracle');
  const needsKeys = mode === 'upsert' || mode === 'update' || mode === 'delete' || merges;
  return [
    ...issueAt('table', table === undefined ? 'is required; add it' : undefined),
    ...issueAt('statement', statement && 'is only for the mode statement; remove it or change the mode'),
    ...issueAt(
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
      : issueAt(`key_fields[${index}]`, 'is not among the columns; add it to columns'),
  );
  return [
    ...issueAt('table', parsedTable?.ok === false ? parsedTable.issue : undefined),
    ...issueAt('statement', parsedStatement?.ok === false ? parsedStatement.issue : undefined),
    ...(mode === 'statement' ? [] : unmapped),
    ...(['delivery_id_column', 'row_number_column'] as const).flatMap((field) =>
      issueAt(field, configuration[field] && identifierIssue(dialect, configuration[field])),
    ),
  ];
}

function columnIssues({ columns = {}, rows }: JdbcConfiguration, dialect: Dialect): Issue[] {
  const emptyStep = rows !== undefined && rows !== '$' && rows.replace(/^\$\./, '').split('.').includes('');
  return [
    ...issueAt('rows', emptyStep ? 'has an empty step; write a path such as order.items' : undefined),
    ...Object.entries(columns).flatMap(([name, text]) => {
      const parsed = parseSource(text);
      return issueAt(`columns.${name}`, parsed.ok ? identifierIssue(dialect, name) : parsed.issue);
    }),
  ];
}
