import { type DynamicModule, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { type DataSource } from 'typeorm';
import { type SessionUrls } from '../database/roles';
import { PooledSession, Session } from '../database/session';
import { SystemTransaction } from '../database/system-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { WakeUps } from '../database/wake-ups';
import { type NodeId } from '../kernel/ids';
import { ENTITIES } from '../tenants/entities';

export const sourceOptions = (name: string, url: string, poolSize: number) => ({
  name,
  type: 'postgres' as const,
  url,
  entities: ENTITIES,
  poolSize,
  installExtensions: false,
  synchronize: false,
  logging: false,
  extra: {
    Client: Session,
    application_name: `distributor ${name}`,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    // Nothing of ours takes this long; a session that does holds up vacuum and with it every claim.
    idle_in_transaction_session_timeout: 60_000,
    statement_timeout: 60_000,
    // Who waits for a lock that long is told that the database is not available, and others get the session.
    lock_timeout: 10_000,
    // Statements that follow each other without waiting go out together (TenantTransaction.query).
    pipeline: true,
  },
});

/**
 * The same through a PgBouncer in transaction mode. It refuses time-outs at the start of a session, has its own, and is
 * sent one statement after the other.
 */
const pooledOptions = (name: string, url: string, poolSize: number, pooler: string) => {
  const { extra, ...options } = sourceOptions(name, through(pooler, url), poolSize);
  const { application_name, connectionTimeoutMillis, idleTimeoutMillis } = extra;
  return {
    ...options,
    extra: { Client: PooledSession, application_name, connectionTimeoutMillis, idleTimeoutMillis },
  };
};

/** The same login and database at the address of the pooler. */
function through(pooler: string, direct: string): string {
  const url = new URL(direct);
  url.host = pooler;
  return url.toString();
}

/** A session of the system that never waits behind work. */
export class HeartbeatSession extends SystemTransaction {}

export interface Sessions {
  urls: SessionUrls;
  /** Of what hints say. */
  hashKey: Buffer;
  poolSize: number;
  pooler: string | undefined;
  node: NodeId;
}

/** The two doors to the database and the hints that pass through it. */
@Module({})
export class DatabaseModule {
  static forSessions({ urls, hashKey, poolSize, pooler, node }: Sessions): DynamicModule {
    const source = (name: string, url: string, most: number) => {
      const options =
        pooler === undefined ? sourceOptions(name, url, most) : pooledOptions(name, url, most, pooler);
      // The server says whose a session is.
      const application_name = `${options.extra.application_name} ${node}`;
      return { ...options, extra: { ...options.extra, application_name }, retryAttempts: 1 };
    };
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRoot(source('app', urls.app, poolSize)),
        TypeOrmModule.forRoot(source('system', urls.system, Math.max(2, Math.ceil(poolSize / 2)))),
        TypeOrmModule.forRoot(source('heartbeat', urls.system, 1)),
      ],
      providers: [
        {
          provide: TenantTransaction,
          inject: [getDataSourceToken('app')],
          useFactory: (app: DataSource) => new TenantTransaction(app),
        },
        {
          provide: SystemTransaction,
          inject: [getDataSourceToken('system')],
          useFactory: (system: DataSource) => new SystemTransaction(system),
        },
        {
          provide: HeartbeatSession,
          inject: [getDataSourceToken('heartbeat')],
          useFactory: (heartbeat: DataSource) => new HeartbeatSession(heartbeat),
        },
        {
          provide: WakeUps,
          inject: [SystemTransaction],
          // Past the pooler: LISTEN needs a session that stays.
          useFactory: (system: SystemTransaction) => new WakeUps(system, urls.system, hashKey),
        },
      ],
      exports: [TenantTransaction, SystemTransaction, HeartbeatSession, WakeUps],
    };
  }
}
