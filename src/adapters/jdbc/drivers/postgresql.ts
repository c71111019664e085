import { type Socket } from 'node:net';
import { Client, type DatabaseError, type QueryConfig } from 'pg';
import { nodeTls, serverName } from '../../network-connect';
import { type IsolationLevel } from '../schema';
import { type SqlValue } from '../values';
import { type Driver, type SqlConnection, type SqlFault, type SqlResult } from './connection';
import { type DriverSettings, farewell, logIn, networkFault, openSocket } from './settings';

/** PostgreSQL by pg, on a socket that the guard has let through. */
export const postgresqlDriver = (settings: DriverSettings): Driver => ({
  connect: () => logIn(settings, (socket) => openSession(settings, socket)),
  faultOf,
});

async function openSession(settings: DriverSettings, socket: Socket): Promise<SqlConnection> {
  const { target, username, password, applicationName } = settings;
  const client = new Client({
    host: hostFor(settings, socket),
    port: target.port,
    database: target.database,
    user: username,
    // As a function: an empty text would make pg look for a password file.
    password: () => password,
    application_name: applicationName,
    ssl: settings.tls === undefined ? false : nodeTls(settings.tls),
    stream: () => connected(socket),
  });
  // An error outside of a query ends the session, which `onLost` tells; pg throws it where nobody listens.
  client.on('error', () => undefined);
  await client.connect();
  await client.query(sessionSettings(settings));
  return new PostgresqlConnection(client, settings);
}

/** pg calls `connect` on its stream and waits for the event; this socket is connected already. */
function connected(socket: Socket): Socket {
  const connect = (): Socket => {
    process.nextTick(() => socket.emit('connect'));
    return socket;
  };
  return Object.assign(socket, { connect });
}

/** The name for TLS; the address is what the socket leads to. */
const hostFor = ({ target, tls }: DriverSettings, socket: Socket): string =>
  serverName(target.host, tls) ?? socket.remoteAddress ?? target.host;

function sessionSettings({ target, statementTimeoutMs }: DriverSettings): { text: string; values: string[] } {
  const ms = String(Math.ceil(statementTimeoutMs));
  const set = [
    ['TimeZone', 'UTC'],
    ['statement_timeout', ms],
    ['idle_in_transaction_session_timeout', ms],
    ...(target.schema === undefined ? [] : [['search_path', target.schema]]),
  ];
  const calls = set.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, false)`);
  return { text: `SELECT ${calls.join(', ')}`, values: set.flat() };
}

const LEVELS: Readonly<Record<IsolationLevel, string>> = {
  read_uncommitted: 'READ UNCOMMITTED',
  read_committed: 'READ COMMITTED',
  repeatable_read: 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
};

class PostgresqlConnection implements SqlConnection {
  constructor(
    private readonly client: Client,
    private readonly settings: DriverSettings,
  ) {}

  async query(sql: string, values: readonly SqlValue[]): Promise<SqlResult> {
    // Always the extended protocol: the simple one would run several statements in one text.
    const config: QueryConfig & { queryMode: 'extended' } = {
      text: sql,
      values: [...values],
      queryMode: 'extended',
    };
    const result = await this.client.query<Record<string, unknown>>(config);
    return { affected: result.rowCount ?? 0, rows: result.rows };
  }

  async begin(isolation: IsolationLevel | undefined): Promise<void> {
    await this.client.query(isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${LEVELS[isolation]}`);
  }

  async commit(): Promise<void> {
    await this.client.query('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.client.query('ROLLBACK');
  }

  onLost(lost: () => void): void {
    this.client.once('end', lost);
    this.client.once('error', lost);
  }

  async abandon(): Promise<void> {
    const { processID, secretKey } = this.client as unknown as { processID: number; secretKey: number };
    await farewell(cancelRequest(this.settings, processID, secretKey));
    await this.close();
  }

  async close(): Promise<void> {
    const socket = (this.client as unknown as { connection: { stream: Socket } }).connection.stream;
    await farewell(this.client.end());
    socket.destroy();
  }
}

/** PostgreSQL takes a request to cancel on a connection of its own, and closes that without a word. */
async function cancelRequest(settings: DriverSettings, processId: number, key: number): Promise<void> {
  const socket = await openSocket(settings);
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  request.writeInt32BE(processId, 8);
  request.writeInt32BE(key, 12);
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    };
    const timer = setTimeout(done, 1000);
    socket.on('error', done).on('close', done).resume().end(request);
  });
}

function faultOf(error: unknown): SqlFault {
  const { code, severity, message, detail } = (error ?? {}) as Partial<DatabaseError>;
  if (severity === undefined || code === undefined || !/^[0-9A-Z]{5}$/.test(code)) return plainFault(error);
  const answer = [`${severity} ${code}: ${message ?? ''}`, detail]
    .filter((text) => text !== undefined)
    .join('\n');
  return { state: code, code: undefined, answer, fatal: severity !== 'ERROR' };
}

/** pg has no codes for what it notices itself. */
function plainFault(error: unknown): SqlFault {
  const fault = networkFault(error);
  const message = error instanceof Error ? error.message : '';
  if (fault.code === undefined && /SSL connection/.test(message))
    return { ...fault, code: 'ERR_TLS_REFUSED' };
  if (fault.code === undefined && /SASL|password/.test(message)) return { ...fault, state: '28P01' };
  return fault;
}
