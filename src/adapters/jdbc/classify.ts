import { type Failure } from '../failure';
import { faultKind, networkErrorCode } from '../network-faults';
import { type DeliveryErrorCode } from '../port';
import { type SqlFault } from './drivers/connection';
import { type DialectName } from './url';

type Decision = [Failure['kind'], DeliveryErrorCode];

const BUSY: Decision = ['retry', 'RECEIVER_UNAVAILABLE'];
const LOST: Decision = ['retry', 'CONNECTION_FAILED'];
const SLOW: Decision = ['retry', 'TIMEOUT'];
const LOGIN: Decision = ['refused', 'AUTHENTICATION_FAILED'];
const REFUSED: Decision = ['refused', 'RECEIVER_REFUSED'];

/** By SQLSTATE, or by its class where the state itself is not listed (PostgreSQL, Appendix A). */
const STATES: Readonly<Record<string, Decision>> = {
  '08': LOST,
  '25006': BUSY, // read-only: a standby that is being promoted
  '25P03': BUSY, // idle in transaction for too long
  '28': LOGIN,
  '40': BUSY, // serialization, deadlock
  '42501': LOGIN,
  '53': BUSY, // out of connections, memory or disk
  '55006': BUSY,
  '55P03': BUSY, // lock not available
  '57': BUSY, // shutdown, not ready yet
  '57014': SLOW, // cancelled, usually by statement_timeout
  '58': BUSY,
  XX: BUSY,
};

/** MySQL's and MariaDB's numbers where the SQLSTATE says too little (mostly HY000). */
const MYSQL: Readonly<Record<number, Decision>> = {
  ...each(
    [1020, 1021, 1040, 1041, 1047, 1053, 1114, 1180, 1203, 1205, 1206, 1213, 1226, 1290, 1836, 1637],
    BUSY,
  ),
  ...each([1042, 1043, 1080, 1129, 1158, 1159, 1160, 1161, 1184, 1152, 1927, 2006, 2013], LOST),
  ...each([1317, 1969, 3024], SLOW),
  ...each([1044, 1045, 1130, 1142, 1143, 1227, 1251, 1370, 1396, 1698, 1820, 1862], LOGIN),
};

const SQL_SERVER: Readonly<Record<number, Decision>> = {
  ...each(
    [
      1205, 1222, 1204, 3960, 3961, 701, 802, 8645, 8651, 9002, 1105, 10928, 10929, 17142, 40197, 40501,
      40613, 49918, 49919, 49920,
    ],
    BUSY,
  ),
  ...each([4060, 233, 10053, 10054, 10060, 64, 20], LOST),
  ...each([18456, 18452, 18486, 18487, 18488, 229, 230, 262, 297, 300], LOGIN),
};

const ORACLE: Readonly<Record<number, Decision>> = {
  ...each(
    [
      18, 20, 54, 60, 1033, 1034, 1089, 1090, 4020, 4021, 4031, 8177, 12516, 12519, 12520, 12514, 12528,
      30006, 1653,
    ],
    BUSY,
  ),
  ...each([28, 1012, 1092, 3113, 3114, 3135, 12170, 12537, 12541, 12543, 12547, 12571], LOST),
  ...each([1013, 51], SLOW),
  ...each([1005, 1017, 1031, 1045, 28000, 28001], LOGIN),
};

function each(codes: readonly number[], decision: Decision): Record<number, Decision> {
  return Object.fromEntries(codes.map((code) => [code, decision]));
}

const WORDS: Partial<Record<DeliveryErrorCode, string>> = {
  CONNECTION_FAILED:
    'The connection to the database failed. Check that it runs and that host and port are right.',
  NAME_RESOLUTION_FAILED: "The database's name could not be resolved. Check its spelling and the DNS entry.",
  NETWORK_FORBIDDEN:
    'The database lies in a network that destinations may not reach. Use a public address, or have the operator add the network to DESTINATION_ALLOWED_NETWORKS.',
  TLS_FAILED:
    'The encrypted connection failed. Check that the database offers TLS, its certificate, and the fields under connection.tls.',
  TIMEOUT: 'The database took too long. Look for locks and missing indexes, or raise timeout_seconds.',
  ABORTED: 'The attempt was ended from this side before the database answered.',
  AUTHENTICATION_FAILED:
    'The database does not let this user do that. Check the credentials and the rights on the table.',
  RECEIVER_UNAVAILABLE: 'The database could not do it just now; the delivery is tried again.',
  RECEIVER_REFUSED: 'The database refused. Correct the table, the mapping or the job, then replay.',
};

/** What a failure means: by the server's code where it spoke, by the network's otherwise. */
export function verdictOf(dialect: DialectName, error: unknown, fault: SqlFault): Failure {
  const [kind, code] = decide(dialect, error, fault);
  const which = fault.state ?? fault.code;
  const words = WORDS[code] ?? 'The delivery failed.';
  return { kind, code, message: which === undefined ? words : `${words} (${vendorName(dialect, fault)})` };
}

function decide(dialect: DialectName, error: unknown, fault: SqlFault): Decision {
  if (fault.answer === undefined && fault.state === undefined) return network(error, fault);
  const byNumber = typeof fault.code === 'number' ? numbers(dialect)[fault.code] : undefined;
  if (byNumber !== undefined) return byNumber;
  const { state } = fault;
  return state === undefined ? REFUSED : (STATES[state] ?? STATES[state.slice(0, 2)] ?? REFUSED);
}

function numbers(dialect: DialectName): Readonly<Record<number, Decision>> {
  switch (dialect) {
    case 'postgresql':
      return {};
    case 'mysql':
      return MYSQL;
    case 'sqlserver':
      return SQL_SERVER;
    case 'oracle':
      return ORACLE;
  }
}

/** The end of a signal, or the network. */
function network(error: unknown, { code }: SqlFault): Decision {
  if (code === 'ELOGIN') return LOGIN; // tedious
  const name = error instanceof Error ? error.name : '';
  const meaning = networkErrorCode({ name, cause: { code } });
  return [faultKind(meaning), meaning];
}

function vendorName(dialect: DialectName, { state, code }: SqlFault): string {
  const number =
    typeof code === 'number' && dialect === 'oracle' ? `ORA-${String(code).padStart(5, '0')}` : code;
  return [
    state === undefined ? undefined : `SQLSTATE ${state}`,
    number === undefined ? undefined : `code ${number}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** A row with the same key was there already. */
export function isUniqueViolation(dialect: DialectName, { state, code }: SqlFault): boolean {
  switch (dialect) {
    case 'postgresql':
      return state === '23505';
    case 'mysql':
      return code === 1062;
    case 'sqlserver':
      return code === 2627 || code === 2601;
    case 'oracle':
      return code === 1;
  }
}
