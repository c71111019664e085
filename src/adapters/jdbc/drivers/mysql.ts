import { type Socket } from 'node:net';
import { type Connection, type ConnectionOptions, type QueryResult } from 'mysql2';
import { nodeTls, serverName } from '../../network-connect';
import { type IsolationLevel } from '../schema';
import { type SqlValue } from '../values';
import { type Driver, type SqlConnection, type SqlFault, type SqlResult } from './connection';
import { mysql2 } from './libraries';
import { type DriverSettings, farewell, logIn, networkFault } from './settings';

/** MySQL and MariaDB by mysql2, on a socket that the guard has let through. */
export function mysqlDriver(settings: DriverSettings): Driver {
  const open = (): Promise<MysqlConnection> =>
    logIn(settings, (socket) => openSession(settings, socket, open));
  return { connect: open, faultOf };
}

async function openSession(
  settings: DriverSettings,
  socket: Socket,
  openAnother: () => Promise<MysqlConnection>,
): Promise<MysqlConnection> {
  const connection = mysql2().createConnection(optionsFor(settings, socket));
  // A fatal error outside of a query ends the session, which `onLost` tells.
  connection.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error === null ? resolve() : reject(error)));
  });
  const session = new MysqlConnection(connection, openAnother);
  await session.simple(sessionSettings(settings));
  return session;
}

function optionsFor(settings: DriverSettings, socket: Socket): ConnectionOptions {
  const { target, tls, username, password } = settings;
  return {
    stream: socket,
    // With a stream only for TLS: the name in the certificate.
    host: serverName(target.host, tls) ?? target.host,
    user: username,
    password,
    database: target.database,
    charset: 'utf8mb4_unicode_ci',
    timezone: 'Z',
    // A malicious server could otherwise ask for files of this machine (LOAD DATA LOCAL).
    flags: ['-LOCAL_FILES'],
    multipleStatements: false,
    maxPreparedStatements: 64,
    // logIn counts the time.
    connectTimeout: 0,
    ...(tls === undefined
      ? {}
      : { ssl: { ...nodeTls(tls), rejectUnauthorized: true, verifyIdentity: true } }),
  };
}

/** Strict, since a value that does not fit would be cut without a word; MariaDB alone reads the comment. */
function sessionSettings({ statementTimeoutMs }: DriverSettings): string {
  const seconds = Math.ceil(statementTimeoutMs / 1000);
  return (
    `SET SESSION time_zone = '+00:00', sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ` +
    `innodb_lock_wait_timeout = ${seconds} /*M! , max_statement_time = ${seconds} */`
  );
}

const LEVELS: Readonly<Record<IsolationLevel, string>> = {
  read_uncommitted: 'READ UNCOMMITTED',
  read_committed: 'READ COMMITTED',
  repeatable_read: 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
};

class MysqlConnection implements SqlConnection {
  constructor(
    private readonly connection: Connection,
    private readonly openAnother: () => Promise<MysqlConnection>,
  ) {}

  /** Prepared on the server: values never become part of the text. */
  query(sql: string, values: readonly SqlValue[]): Promise<SqlResult> {
    return new Promise((resolve, reject) => {
      this.connection.execute<QueryResult>(sql, [...values], (error, result) => {
        if (error === null) resolve(resultOf(result));
        else reject(error);
      });
    });
  }

  simple(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.connection.query(sql, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  async begin(isolation: IsolationLevel | undefined): Promise<void> {
    if (isolation !== undefined) await this.simple(`SET TRANSACTION ISOLATION LEVEL ${LEVELS[isolation]}`);
    await this.simple('START TRANSACTION');
  }

  commit(): Promise<void> {
    return this.simple('COMMIT');
  }

  rollback(): Promise<void> {
    return this.simple('ROLLBACK');
  }

  onLost(lost: () => void): void {
    this.connection.once('error', lost);
    this.connection.once('end', lost);
    (this.connection as unknown as { stream: Socket }).stream.once('close', lost);
  }

  /** Closing alone would leave the server at work, with its locks. */
  async abandon(): Promise<void> {
    const id = this.connection.threadId;
    this.connection.destroy();
    if (id === null) return;
    await farewell(
      this.openAnother().then(async (another) => {
        await farewell(another.simple(`KILL ${Number(id)}`));
        await another.close();
      }),
    );
  }

  async close(): Promise<void> {
    await farewell(new Promise<void>((resolve) => this.connection.end(() => resolve())));
    this.connection.destroy();
  }
}

function resultOf(result: QueryResult): SqlResult {
  if (Array.isArray(result)) return { affected: result.length, rows: result as Record<string, unknown>[] };
  return { affected: result.affectedRows, rows: [] };
}

function faultOf(error: unknown): SqlFault {
  const { errno, sqlState, sqlMessage, fatal } = (error ?? {}) as {
    fatal?: boolean;
    errno?: number;
    sqlState?: string;
    sqlMessage?: string;
  };
  if (typeof errno !== 'number' || sqlMessage === undefined || sqlState === undefined)
    return networkFault(error);
  const answer = `ERROR ${errno} (${sqlState}): ${sqlMessage}`;
  return { state: sqlState, code: errno, answer, fatal: fatal === true };
}
