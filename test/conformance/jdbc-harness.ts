import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { type JsonObject } from '../../src/kernel/json';
import { type Certificates, makeCertificates } from './certificates';
import { DatabaseProxy } from './database-proxy';
import { type Arrival, type Behaviour, type CaseName, type ProtocolHarness, RECEIVER_NAME } from './harness';

/** What differs between the databases. */
export interface Engine {
  /** `jdbc:postgresql` and the like. */
  readonly scheme: string;
  /** Whether the proxy may speak TLS for it. */
  readonly tls: boolean;
  /** Makes database, user, the table `arrivals` and `behaviour`; returns where it listens. */
  start(credentials: {
    username: string;
    password: string;
  }): Promise<{ host: string; port: number; database: string }>;
  stop(): Promise<void>;
  run(sql: string): Promise<void>;
  rows<T extends object>(sql: string): Promise<T[]>;
  quote(identifier: string): string;
  /** Lets the harness's user at tables made since the start, where that is not so by itself. */
  grant?(): Promise<void>;
  /** Sessions that the harness's user has on the server. */
  sessions(): Promise<number>;
  /** Takes the rows out of `arrivals`, oldest first. */
  take(): Promise<Arrival[]>;
  count(): Promise<number>;
}

/** A real database, reached through a proxy that the test can hold and cut. */
export class JdbcHarness implements ProtocolHarness {
  readonly protocol = 'JDBC';
  readonly notApplicable: Partial<Record<CaseName, string>>;
  readonly certificates: Certificates = makeCertificates(RECEIVER_NAME);
  readonly username = `jdbc_${randomBytes(6).toString('hex')}`;
  readonly password = `password-${randomBytes(6).toString('hex')}`;
  readonly wrongPassword = `wrong-${randomBytes(6).toString('hex')}`;
  proxy = new DatabaseProxy({ host: '', port: 0 }, undefined);
  database = '';
  private silentServer: Server | undefined;
  private readonly silentSockets = new Set<Socket>();

  constructor(readonly engine: Engine) {
    this.notApplicable = engine.tls
      ? {}
      : {
          'untrusted certificate':
            'the server at hand may have no TLS; a case of its own starts one that has',
        };
  }

  async start(): Promise<void> {
    const { username, password } = this;
    const { database, ...upstream } = await this.engine.start({ username, password });
    this.database = database;
    this.proxy = new DatabaseProxy(upstream, this.engine.tls ? this.certificates.server : undefined);
    this.silentServer = createServer((socket) => {
      this.silentSockets.add(socket.on('error', () => undefined));
    });
    const silent = this.silentServer;
    await Promise.all([
      this.proxy.start(),
      new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve)),
    ]);
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    for (const socket of this.silentSockets) socket.destroy();
    await new Promise<void>((resolve) => void this.silentServer?.close(() => resolve()));
    await this.engine.stop();
  }

  async behave(behaviour: Behaviour): Promise<void> {
    this.proxy.holds = behaviour === 'never-answer';
    // The trigger on `arrivals` reads it; what it says holds the password, as a careless server's words might.
    await this.engine.run(`UPDATE behaviour SET kind = '${behaviour}', words = 'said: ${this.password}'`);
  }

  disappear(): Promise<void> {
    return this.proxy.stop();
  }

  comeBack(): Promise<void> {
    return this.proxy.start();
  }

  received(): Promise<void> {
    return this.proxy.writing();
  }

  arrivals(): Promise<Arrival[]> {
    return this.engine.take();
  }

  effects(): Promise<number> {
    return this.engine.count();
  }

  connections(): number {
    return this.proxy.connections;
  }

  good(): JsonObject {
    return this.withHost(RECEIVER_NAME);
  }

  withHost(host: string): JsonObject {
    return this.at(host, this.proxy.port);
  }

  /** The good configuration at another place and with further fields. */
  at(host: string, port: number, more: JsonObject = {}): JsonObject {
    return {
      connection: this.connection(`${this.engine.scheme}://${host}:${port}/${this.database}`),
      table: 'arrivals',
      columns: { body: '{body}' },
      delivery_id_column: 'id',
      ...more,
    };
  }

  /** The good configuration for another table or mode. */
  into(more: JsonObject): JsonObject {
    return { connection: (this.good() as { connection: JsonObject }).connection, ...more };
  }

  silent(): JsonObject {
    const { port } = this.silentServer?.address() as AddressInfo;
    return this.at(RECEIVER_NAME, port, { connect_timeout_seconds: 0.3 });
  }

  wrongCredentials(): JsonObject {
    const good = this.good() as { connection: JsonObject };
    // A server that trusts local users takes any password, but not any name.
    const credentials = { username: `no_${this.username}`, password: this.wrongPassword };
    return { ...good, connection: { ...good.connection, credentials } };
  }

  untrusted(): JsonObject {
    const good = this.good() as { connection: JsonObject };
    return { ...good, connection: { ...good.connection, ...(this.engine.tls ? { tls: {} } : {}) } };
  }

  templated(): JsonObject {
    return { ...this.good(), columns: { body: '{body}', name: '{payload.name}' } };
  }

  secrets(): string[] {
    return [this.password, this.wrongPassword];
  }

  faulty(): { configuration: JsonObject; field: string; issue: string }[] {
    const good = this.good() as { connection: JsonObject };
    const at = (url: string, issue: string) => ({
      configuration: { ...good, connection: { ...good.connection, url } },
      field: 'configuration.connection.url',
      issue,
    });
    const having = (more: JsonObject, field: string, issue: string) => ({
      configuration: { ...good, ...more },
      field: `configuration.${field}`,
      issue,
    });
    return [
      ...faultyUrls.map(([url, issue]) => at(url, issue)),
      { configuration: {}, field: 'configuration.connection', issue: 'is required; add it' },
      having({ mode: 'replace' }, 'mode', 'must be one of: insert, upsert'),
      having({ mode: 'upsert' }, 'key_fields', 'is required for the mode upsert'),
      having({ mode: 'upsert', key_fields: ['other'] }, 'key_fields[0]', 'is not among the columns'),
      having({ mode: 'statement' }, 'statement', 'is required for the mode statement'),
      having({ table: 'a..b' }, 'table', 'is empty'),
      having({ table: 'x'.repeat(65) }, 'table', 'has a part that is longer than'),
      having({ table: '{oops}' }, 'table', 'unknown placeholder {oops}'),
      having({ columns: { a: 'b..c' } }, 'columns.a', 'has an empty step'),
      having({ columns: { a: '{payload' } }, 'columns.a', 'has a single {'),
      having({ batch_size: 0 }, 'batch_size', 'must be >= 1'),
      having({ isolation_level: 'snapshot' }, 'isolation_level', 'must be one of: read_uncommitted'),
      having({ row_number_column: 'n' }, 'rows', 'is required'),
      having({ colums: {} }, 'colums', 'is not a known property'),
    ];
  }

  private connection(url: string): JsonObject {
    const { username, password } = this;
    const tls = this.engine.tls ? { tls: { ca: this.certificates.ca } } : {};
    return { url, credentials: { username, password }, ...tls };
  }
}

const faultyUrls: [string, string][] = [
  ['postgres://h/d', 'must begin with jdbc:postgresql:'],
  ['jdbc:h2:mem:x', 'must begin with jdbc:postgresql:'],
  ['jdbc:postgresql:d', 'does not have the form jdbc:postgresql://host:5432/database'],
  ['jdbc:postgresql://a,b/d', 'with exactly one host'],
  ['jdbc:postgresql://u:p@h/d', 'without user name'],
  ['jdbc:postgresql://h/d?password=p', 'must not contain a user name or password'],
  ['jdbc:postgresql://h/d?sslrootcert=/etc/passwd', 'must not have the option sslrootcert'],
  ['jdbc:postgresql://h/d?sslcert=/etc/passwd', 'use connection.tls'],
  ['jdbc:postgresql://h/d?socketFactory=x.Y', 'must not have the option socketFactory'],
  ['jdbc:postgresql://h/d?sslmode=prefer', 'cannot have sslmode with this value; use one of: disable'],
  ['jdbc:postgresql://%2Fvar%2Frun/d', 'not a valid host name'],
  ['jdbc:mysql://h/d?allowLoadLocalInfile=true', 'must not have the option allowLoadLocalInfile'],
  ['jdbc:mysql://h/d?autoDeserialize=true', 'must not have the option autoDeserialize'],
  ['jdbc:mariadb://h/d?localSocket=/run/x.sock', 'must not have the option localSocket'],
  ['jdbc:mysql:loadbalance://a,b/d', 'does not have the form jdbc:mysql://host:3306/database'],
  ['jdbc:sqlserver://h\\instance;databaseName=d', 'an instance name cannot be looked up'],
  ['jdbc:sqlserver://h', 'names no database'],
  ['jdbc:sqlserver://h;databaseName=d;trustServerCertificate=true', 'use connection.tls'],
  ['jdbc:oracle:thin:u/p@h:1521/s', 'does not have the form jdbc:oracle:thin:@//host:1521/service'],
  ['jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=h)))', 'without user name or description'],
  ['jdbc:oracle:thin:@//h:1521/s?wallet_location=/etc', 'must not have the option wallet_location'],
];
