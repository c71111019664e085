import { type Connection, type Request, type RequestError } from 'tedious';
import { NetworkRefusal, nodeTls, serverName } from '../../network-connect';
import { type IsolationLevel } from '../schema';
import { type SqlValue } from '../values';
import { type Driver, type SqlConnection, type SqlFault, type SqlResult } from './connection';
import { tedious as loadTedious } from './libraries';
import { type DriverSettings, farewell, networkFault, openSocket, within } from './settings';

type Tedious = ReturnType<typeof loadTedious>;

/**
 * SQL Server by tedious, on sockets that the guard has let through. The connector always leads to the
 * configured server: where that redirects elsewhere (Azure's "Redirect" policy), the login fails.
 */
export const sqlserverDriver = (settings: DriverSettings): Driver => ({
  connect: async () => openSession(loadTedious(), settings),
  faultOf,
});

async function openSession(tedious: Tedious, settings: DriverSettings): Promise<SqlConnection> {
  const connection = new tedious.Connection(configurationFor(settings));
  connection.on('error', () => undefined);
  const login = new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error === undefined ? resolve() : reject(error)));
  });
  const late = (): Error =>
    new NetworkRefusal('UND_ERR_CONNECT_TIMEOUT', `No session within ${settings.connectTimeoutMs} ms.`);
  try {
    await within(settings.connectTimeoutMs, login, late);
  } catch (error) {
    connection.close();
    throw error;
  }
  return new SqlServerConnection(tedious, connection);
}

function configurationFor(settings: DriverSettings): ConstructorParameters<Tedious['Connection']>[0] {
  const { target, tls, username, password, connectTimeoutMs, statementTimeoutMs } = settings;
  const name = serverName(target.host, tls);
  return {
    server: target.host,
    authentication: { type: 'default', options: { userName: username, password } },
    options: {
      port: target.port,
      database: target.database,
      appName: settings.applicationName,
      connector: () => openSocket(settings),
      encrypt: tls !== undefined,
      trustServerCertificate: false,
      ...(name === undefined ? {} : { serverName: name }),
      ...(tls === undefined ? {} : { cryptoCredentialsDetails: nodeTls(tls) }),
      connectTimeout: connectTimeoutMs,
      requestTimeout: statementTimeoutMs,
      useUTC: true,
      rowCollectionOnRequestCompletion: true,
    },
  };
}

class SqlServerConnection implements SqlConnection {
  constructor(
    private readonly tedious: Tedious,
    private readonly connection: Connection,
  ) {}

  query(sql: string, values: readonly SqlValue[]): Promise<SqlResult> {
    return new Promise((resolve, reject) => {
      const done = (error: RequestError | Error | null | undefined, affected = 0): void =>
        error ? reject(error) : resolve({ affected, rows: [] });
      const request: Request = new this.tedious.Request(sql, done);
      const { TYPES } = this.tedious;
      values.forEach((value, index) => {
        const name = `p${index + 1}`;
        if (Buffer.isBuffer(value)) request.addParameter(name, TYPES.VarBinary, value);
        else if (typeof value === 'boolean') request.addParameter(name, TYPES.Bit, value);
        else if (typeof value === 'number') request.addParameter(name, numberType(TYPES, value), value);
        else request.addParameter(name, TYPES.NVarChar, value);
      });
      this.connection.execSql(request);
    });
  }

  begin(isolation: IsolationLevel | undefined): Promise<void> {
    const { ISOLATION_LEVEL } = this.tedious;
    const levels: Readonly<Record<IsolationLevel, number | undefined>> = {
      read_uncommitted: ISOLATION_LEVEL.READ_UNCOMMITTED,
      read_committed: ISOLATION_LEVEL.READ_COMMITTED,
      repeatable_read: ISOLATION_LEVEL.REPEATABLE_READ,
      serializable: ISOLATION_LEVEL.SERIALIZABLE,
    };
    return this.done((callback) =>
      isolation === undefined
        ? this.connection.beginTransaction(callback)
        : this.connection.beginTransaction(callback, '', levels[isolation]),
    );
  }

  commit(): Promise<void> {
    return this.done((callback) => this.connection.commitTransaction(callback));
  }

  rollback(): Promise<void> {
    return this.done((callback) => this.connection.rollbackTransaction(callback));
  }

  onLost(lost: () => void): void {
    this.connection.once('end', lost);
    this.connection.once('error', lost);
  }

  /** The attention signal ends what runs; the server rolls back when the session ends. */
  async abandon(): Promise<void> {
    this.connection.cancel();
    await this.close();
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.connection.once('end', () => resolve()));
    this.connection.close();
    await farewell(ended);
  }

  private done(start: (callback: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
  }
}

const numberType = (types: Tedious['TYPES'], value: number) => {
  if (!Number.isInteger(value)) return types.Float;
  return Math.abs(value) < 2 ** 31 ? types.Int : types.BigInt;
};

function faultOf(error: unknown): SqlFault {
  const { number, message, code, isTransient, ...rest } = (error ?? {}) as {
    number?: unknown;
    message?: string;
    code?: unknown;
    isTransient?: boolean;
    class?: number;
  };
  // A login that fails for now comes under the same code as a wrong password.
  if (code === 'ELOGIN' && isTransient === true)
    return { ...networkFault(error), code: 40_613, answer: message };
  if (typeof number !== 'number') return networkFault(error);
  // From severity 20 on the server ends the session.
  const fatal = (rest.class ?? 0) >= 20;
  return { state: undefined, code: number, answer: `Error ${number}: ${message ?? ''}`, fatal };
}
