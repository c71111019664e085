import { randomBytes } from 'node:crypto';
import { createConnection, createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import { createDatabase } from '../processes';
import { type Report } from '../report';
import { adapterWay, run, type Way } from './contest';
import { startTestServer } from './servers';

const CONNECTIONS = 10;
const CONCURRENCY = 64;
const TABLE = 'CREATE TABLE reports (id varchar(64) PRIMARY KEY, tenant varchar(64), body text)';
const LOCAL_MARIADB = 'mysql://root@127.0.0.1:3306';

const configuration = (url: string, username: string, password: string) => ({
  connection: { url, credentials: { username, ...(password === '' ? {} : { password }) } },
  table: 'reports',
  columns: { tenant: '{tenant_id}', body: '{body}' },
  delivery_id_column: 'id',
  pool_size: CONNECTIONS,
});

/** One row for each delivery, committed before it counts; the key makes a repeat harmless in both ways. */
export async function postgresqlContest(report: Report): Promise<void> {
  const database = await createDatabase();
  const pool = new Pool({ connectionString: database.url, max: CONNECTIONS });
  try {
    await pool.query(TABLE);
    const { hostname, port, pathname, username, password } = new URL(database.url);
    const jdbc = `jdbc:postgresql://${hostname}:${port || 5432}${pathname}`;
    await run(
      {
        figure: 'adapter_jdbc_postgresql',
        concurrency: CONCURRENCY,
        adapter: adapterWay(
          'JDBC',
          configuration(jdbc, decodeURIComponent(username), decodeURIComponent(password)),
        ),
        bare: [['pg', pgWay(database.url)]],
        tidy: async () => void (await pool.query('TRUNCATE reports')),
      },
      report,
    );
  } finally {
    await pool.end();
    await database.drop();
  }
}

function pgWay(connectionString: string): Way {
  const pool = new Pool({ connectionString, max: CONNECTIONS });
  const text = 'INSERT INTO reports (tenant, body, id) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING';
  return {
    deliver: async ({ tenantId, body, deliveryId }) => {
      await pool.query(text, [tenantId, body.toString(), deliveryId]);
    },
    close: () => pool.end(),
  };
}

export async function mariadbContest(report: Report): Promise<void> {
  const server = await findMariadb();
  const { url } = server;
  const name = `distributor_bench_${randomBytes(4).toString('hex')}`;
  const admin = await createConnection({ uri: url });
  // Over TCP a server with socket authentication lets no root in: a user of our own.
  const password = randomBytes(8).toString('hex');
  try {
    await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    await admin.query(`CREATE USER ${name}@'%' IDENTIFIED BY '${password}'`);
    await admin.query(`GRANT ALL ON ${name}.* TO ${name}@'%'`);
    await admin.query(`USE ${name}`);
    await admin.query(TABLE);
    const { hostname: host, port } = new URL(url);
    const jdbc = `jdbc:mariadb://${host}:${port || 3306}/${name}`;
    const own = { host, port: Number(port || 3306), user: name, password, database: name };
    await run(
      {
        figure: 'adapter_jdbc_mariadb',
        concurrency: CONCURRENCY,
        adapter: adapterWay('JDBC', configuration(jdbc, name, password)),
        bare: [['mysql2', mysqlWay(own)]],
        tidy: async () => void (await admin.query('TRUNCATE reports')),
      },
      report,
    );
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${name}`);
    await admin.query(`DROP USER IF EXISTS ${name}@'%'`);
    await admin.end();
    await server.stop();
  }
}

function mysqlWay(own: {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}): Way {
  const pool = createPool({ ...own, connectionLimit: CONNECTIONS });
  const text = 'INSERT INTO reports (tenant, body, id) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE id = id';
  return {
    deliver: async ({ tenantId, body, deliveryId }) => {
      await pool.execute(text, [tenantId, body.toString(), deliveryId]);
    },
    close: () => pool.end(),
  };
}

async function findMariadb(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env['BENCH_MARIADB_URL'] ?? LOCAL_MARIADB;
  try {
    await (await createConnection({ uri: url })).end();
    return { url, stop: async () => undefined };
  } catch {
    return startTestServer('mariadb-service.ts');
  }
}
