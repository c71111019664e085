import { randomBytes } from 'node:crypto';
import { createConnection, type Connection } from 'mysql2/promise';
import { messageOf } from './container';
import { startHelper } from './helper-process';
import { type Running } from './parent-bound';
import { sharedServer } from './shared-servers';

const LOCAL = 'mysql://root@127.0.0.1:3306';

const REMEDY =
  'Set TEST_MARIADB_URL=mysql://user:password@host:port to a MariaDB or MySQL whose user may create users and ' +
  'databases, run one on 127.0.0.1:3306 with root and no password, start Docker, or install the Debian package: ' +
  'apt-get install mariadb-server.';

/**
 * The address of a MariaDB: TEST_MARIADB_URL, else the one on the standard local port, else one that this test run
 * starts (container or Debian package) and all its test files share. Name databases and users uniquely.
 * Throws what was tried and how to get one.
 */
export async function findMariadb(): Promise<string> {
  const given = process.env.TEST_MARIADB_URL;
  const local = await refusal(given ?? LOCAL);
  if (local === undefined) return given ?? LOCAL;
  if (given) throw new Error(`TEST_MARIADB_URL cannot be used (${local}). ${REMEDY}`);
  return sharedServer('mariadb').catch((error: unknown) => {
    throw new Error(
      `No MariaDB for the tests.\n  127.0.0.1:3306: ${local}\n  ${messageOf(error)}\n${REMEDY}`,
    );
  });
}

/** A MariaDB that nobody else uses and that speaks TLS with this certificate; from the Debian package alone. */
export async function startMariadbWithTls(certFile: string, keyFile: string): Promise<Running> {
  try {
    return await startHelper('mariadb-service.ts', certFile, keyFile);
  } catch (error) {
    throw new Error(`No MariaDB with TLS for the tests.\n  ${messageOf(error)}\n${REMEDY}`, { cause: error });
  }
}

export interface MariadbDatabase {
  host: string;
  port: number;
  name: string;
  /** As the user of the test run, on this database. */
  admin: Connection;
  drop(): Promise<void>;
}

/** An empty database of its own for a test file. */
export async function createMariadbDatabase(url: string): Promise<MariadbDatabase> {
  const name = `distributor_test_${randomBytes(8).toString('hex')}`;
  const { hostname: host, port } = new URL(url);
  const admin = await createConnection({ uri: url, multipleStatements: true });
  await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4; USE ${name}`);
  const drop = async (): Promise<void> => {
    await admin.query(`DROP DATABASE IF EXISTS ${name}`);
    await admin.end();
  };
  return { host, port: Number(port === '' ? 3306 : port), name, admin, drop };
}

/** Why this server cannot be used; `undefined` when it can. */
async function refusal(url: string): Promise<string | undefined> {
  try {
    await (await createConnection({ uri: url, connectTimeout: 5_000 })).end();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
