import { Client } from 'pg';
import { adminUrl, createDatabase, type TestDatabase } from '../support/postgres';
import { createMariadbDatabase, findMariadb, type MariadbDatabase } from '../support/mariadb';
import { type Arrival } from './harness';
import { type Engine } from './jdbc-harness';

interface Credentials {
  username: string;
  password: string;
}

export class PostgresqlEngine implements Engine {
  readonly scheme = 'jdbc:postgresql';
  private database: TestDatabase | undefined;
  private client = new Client();
  private username = '';

  constructor(readonly tls = true) {}

  async start({ username, password }: Credentials) {
    this.database = await createDatabase();
    this.username = username;
    this.client = new Client({ connectionString: this.database.url });
    await this.client.connect();
    await this.run(`CREATE ROLE ${username} LOGIN PASSWORD '${password}'`);
    await this.run(SCHEMA_POSTGRESQL);
    await this.grant();
    await this.run(`GRANT CREATE, USAGE ON SCHEMA public TO ${username}`);
    await this.run(`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${username}`);
    const { hostname: host, port } = new URL(adminUrl());
    return { host, port: Number(port === '' ? 5432 : port), database: this.database.name };
  }

  async stop(): Promise<void> {
    await this.client.end();
    // A role cannot go while any database holds something of it.
    await this.database?.drop();
    const admin = new Client({ connectionString: adminUrl() });
    await admin.connect();
    await admin.query(`DROP ROLE IF EXISTS ${this.username}`).finally(() => admin.end());
  }

  async run(sql: string): Promise<void> {
    await this.client.query(sql);
  }

  async rows<T extends object>(sql: string): Promise<T[]> {
    return (await this.client.query<T>(sql)).rows;
  }

  quote(identifier: string): string {
    return `"${identifier.replaceAll('"', '""')}"`;
  }

  grant(): Promise<void> {
    return this.run(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${this.username}`);
  }

  async sessions(): Promise<number> {
    // Within a transaction the view is read once.
    await this.run('SELECT pg_stat_clear_snapshot()');
    const sql = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${this.username}'`;
    return (await this.rows<{ n: number }>(sql))[0]?.n ?? -1;
  }

  async take(): Promise<Arrival[]> {
    const rows = await this.rows<Arrival & { name: string | null }>(
      `WITH taken AS (DELETE FROM arrivals RETURNING *)
       SELECT id, name, octet_length(body) AS bytes, encode(sha256(convert_to(body, 'UTF8')), 'hex') AS sha256
         FROM taken ORDER BY seq`,
    );
    return rows.map((row) => ({ ...row, name: row.name ?? undefined }));
  }

  async count(): Promise<number> {
    return (await this.rows<{ n: number }>('SELECT count(*)::int AS n FROM arrivals'))[0]?.n ?? -1;
  }
}

const SCHEMA_POSTGRESQL = `
  CREATE TABLE behaviour (kind text, words text);
  INSERT INTO behaviour VALUES ('accept', '');
  CREATE TABLE arrivals (seq bigserial, id text PRIMARY KEY, name text, body text);
  CREATE FUNCTION behave() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE wanted behaviour;
  BEGIN
    SELECT * INTO wanted FROM behaviour;
    IF wanted.kind = 'fail-for-now' THEN RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = wanted.words; END IF;
    IF wanted.kind IN ('refuse', 'echo') THEN RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = wanted.words; END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER behave BEFORE INSERT ON arrivals FOR EACH ROW EXECUTE FUNCTION behave();`;

export class MariadbEngine implements Engine {
  readonly scheme = 'jdbc:mariadb';
  readonly tls = false;
  private database: MariadbDatabase | undefined;
  private username = '';

  constructor(private readonly url?: string) {}

  async start({ username, password }: Credentials) {
    this.database = await createMariadbDatabase(this.url ?? (await findMariadb()));
    this.username = username;
    const { host, port, name: database, admin } = this.database;
    await admin.query(`CREATE USER '${username}'@'%' IDENTIFIED BY '${password}'`);
    await admin.query(`GRANT ALL ON ${database}.* TO '${username}'@'%'`);
    for (const sql of SCHEMA_MARIADB) await admin.query(sql);
    // The default of 16 MB is less than the largest delivery; sessions opened from now on have it.
    const bytes = 'GREATEST(@@global.max_allowed_packet, 67108864)';
    await admin.query(`SET GLOBAL max_allowed_packet = ${bytes}`);
    return { host, port, database };
  }

  async stop(): Promise<void> {
    await this.run(`DROP USER '${this.username}'@'%'`);
    await this.database?.drop();
  }

  async run(sql: string): Promise<void> {
    await this.database?.admin.query(sql);
  }

  async rows<T extends object>(sql: string): Promise<T[]> {
    const [rows] = (await this.database?.admin.query(sql)) ?? [[]];
    return rows as T[];
  }

  quote(identifier: string): string {
    return `\`${identifier.replaceAll('`', '``')}\``;
  }

  async sessions(): Promise<number> {
    const sql = `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = '${this.username}'`;
    return Number((await this.rows<{ n: number }>(sql))[0]?.n);
  }

  async take(): Promise<Arrival[]> {
    const rows = await this.rows<Arrival & { name: string | null; seq: number }>(
      'SELECT seq, id, name, LENGTH(body) AS bytes, SHA2(body, 256) AS sha256 FROM arrivals ORDER BY seq',
    );
    await this.run(`DELETE FROM arrivals WHERE seq <= ${rows.at(-1)?.seq ?? 0}`);
    return rows.map(({ id, name, bytes, sha256 }) => ({ id, name: name ?? undefined, bytes, sha256 }));
  }

  async count(): Promise<number> {
    return Number((await this.rows<{ n: number }>('SELECT COUNT(*) AS n FROM arrivals'))[0]?.n);
  }
}

const SCHEMA_MARIADB = [
  'CREATE TABLE behaviour (kind varchar(20), words text)',
  `INSERT INTO behaviour VALUES ('accept', '')`,
  `CREATE TABLE arrivals (seq bigint AUTO_INCREMENT UNIQUE, id varchar(100) PRIMARY KEY,
     name varchar(1000), body longtext)`,
  `CREATE TRIGGER behave BEFORE INSERT ON arrivals FOR EACH ROW
   BEGIN
     DECLARE wanted varchar(20);
     DECLARE said varchar(128);
     SELECT kind, words INTO wanted, said FROM behaviour;
     IF wanted = 'fail-for-now' THEN SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = said; END IF;
     IF wanted IN ('refuse', 'echo') THEN SIGNAL SQLSTATE '23000' SET MESSAGE_TEXT = said; END IF;
   END`,
];
