import { type DynamicModule, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { type DataSource } from 'typeorm';
import { type SessionUrls } from '../database/roles';
import { SystemTransaction } from '../database/system-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { WakeUps } from '../database/wake-ups';
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
    application_name: `distributor ${name}`,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    // Nothing of ours takes this long; a session that does holds up vacuum and with it every claim.
    idle_in_transaction_session_timeout: 60_000,
    statement_timeout: 60_000,
  },
});

/** The two doors to the database and the hints that pass through it. */
@Module({})
export class DatabaseModule {
  static forSessions(urls: SessionUrls, poolSize: number): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRoot({ ...sourceOptions('app', urls.app, poolSize), retryAttempts: 1 }),
        TypeOrmModule.forRoot({
          ...sourceOptions('system', urls.system, Math.max(2, Math.ceil(poolSize / 2))),
          retryAttempts: 1,
        }),
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
          provide: WakeUps,
          inject: [SystemTransaction],
          useFactory: (system: SystemTransaction) => new WakeUps(system, urls.system),
        },
      ],
      exports: [TenantTransaction, SystemTransaction, WakeUps],
    };
  }
}
