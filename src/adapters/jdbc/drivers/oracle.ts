import { type OracleConnection } from 'oracledb';
import { NetworkRefusal } from '../../network-connect';
import { type IsolationLevel } from '../schema';
import { type JdbcTarget } from '../url';
import { type SqlValue } from '../values';
import { type Driver, type SqlConnection, type SqlFault, type SqlResult } from './connection';
import { oracledb } from './libraries';
import { openRelay, type Relay } from './oracle-relay';
import { type DriverSettings, farewell, networkFault, within } from './settings';

/** Oracle by node-oracledb's thin mode, through a relay that keeps it behind the guard. */
export const oracleDriver = (settings: DriverSettings): Driver => ({
  connect: () => openSession(settings),
  faultOf,
});

async function openSession(settings: DriverSettings): Promise<SqlConnection> {
  const late = (): Error =>
    new NetworkRefusal('UND_ERR_CONNECT_TIMEOUT', `No session within ${settings.connectTimeoutMs} ms.`);
  const started = performance.now();
  let relay: Relay | undefined;
  try {
    relay = await within(settings.connectTimeoutMs, openRelay(settings), late);
    const left = Math.max(1, settings.connectTimeoutMs - (performance.now() - started));
    const { username: user, password } = settings;
    const connectString = descriptor(settings.target, relay.port);
    const connection = await within(left, oracledb().getConnection({ user, password, connectString }), late);
    connection.callTimeout = Math.ceil(settings.statementTimeoutMs);
    return new OracleSession(connection, relay);
  } catch (error) {
    relay?.close();
    throw relay?.fault() ?? error;
  }
}

/** What the driver is told to connect to; `parseJdbcUrl` lets nothing with brackets through. */
function descriptor({ database, isSid }: JdbcTarget, port: number): string {
  const name = isSid ? `(SID=${database})` : `(SERVICE_NAME=${database})`;
  return `(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=127.0.0.1)(PORT=${port}))(CONNECT_DATA=${name}))`;
}

/** Oracle has two levels: whatever is weaker than serializable is read committed there. */
const LEVELS: Readonly<Record<IsolationLevel, string>> = {
  read_uncommitted: 'READ COMMITTED',
  read_committed: 'READ COMMITTED',
  repeatable_read: 'SERIALIZABLE',
  serializable: 'SERIALIZABLE',
};

class OracleSession implements SqlConnection {
  private inTransaction = false;

  constructor(
    private readonly connection: OracleConnection,
    private readonly relay: Relay,
  ) {}

  async query(sql: string, values: readonly SqlValue[]): Promise<SqlResult> {
    const result = await this.connection.execute(sql, [...values], { autoCommit: !this.inTransaction });
    const found = (result.rows ?? []) as Record<string, unknown>[];
    return { affected: result.rowsAffected ?? found.length, rows: found };
  }

  async begin(isolation: IsolationLevel | undefined): Promise<void> {
    this.inTransaction = true;
    if (isolation !== undefined) {
      await this.connection.execute(`SET TRANSACTION ISOLATION LEVEL ${LEVELS[isolation]}`, []);
    }
  }

  async commit(): Promise<void> {
    await this.connection.commit();
    this.inTransaction = false;
  }

  async rollback(): Promise<void> {
    await this.connection.rollback();
    this.inTransaction = false;
  }

  /** The driver has no event for it: a lost session is noticed at its next use, and the delivery repeated. */
  onLost(): void {
    return;
  }

  async abandon(): Promise<void> {
    await farewell(this.connection.break());
    await this.close();
  }

  async close(): Promise<void> {
    await farewell(this.connection.close({ drop: true }));
    this.relay.close();
  }
}

const LOST_SESSION = new Set([28, 1012, 1089, 1092, 3113, 3114, 3135]);

function faultOf(error: unknown): SqlFault {
  const { code, errorNum, message } = (error ?? {}) as { code?: string; errorNum?: number; message?: string };
  if (typeof code === 'string' && code.startsWith('ORA-')) {
    const number = errorNum ?? Number(code.slice(4));
    return { state: undefined, code: number, answer: message, fatal: LOST_SESSION.has(number) };
  }
  // NJS-5xx: the driver's own words for a connection that failed or was lost.
  if (typeof code === 'string' && /^NJS-5\d\d$/.test(code))
    return { state: undefined, code, answer: undefined, fatal: true };
  return networkFault(error);
}
