import { type Provider } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { assertBoundByPolicies } from '../database/bypass-check';
import { ReadTransaction, type Replica } from '../database/read-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { type Logger } from '../observability/logger';
import { type Configuration } from './configuration';
import { sourceOptions } from './database.module';
import { made } from './made';

/** People wait for these reads: what the replica has not answered by then, the primary is asked. */
const STATEMENT_MS = 15_000;
const SILENCE_MS = 20_000;

/**
 * With nothing received that is not replayed it has caught up, as long as somebody sends: else it is as old as the last
 * transaction that it knows.
 */
const LAG = `
  SELECT CASE WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE COALESCE(greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())), 0) END::float8 AS seconds`;

/** `appUrl`: of tenants' sessions on the primary. */
export const readsProvider = (
  { DATABASE_READ_URL, DB_POOL_SIZE }: Configuration,
  appUrl: string,
  log: Logger,
): Provider =>
  made(
    ReadTransaction,
    [TenantTransaction],
    (primary) =>
      new ReadTransaction({
        primary,
        replica:
          DATABASE_READ_URL === undefined
            ? undefined
            : replicaAt(withLogin(DATABASE_READ_URL, appUrl), DB_POOL_SIZE),
        onLost: (error) => log.warn({ err: error }, 'replica away'),
      }),
  );

function replicaAt(url: string, poolSize: number): Replica {
  const { extra, ...options } = sourceOptions('read', url, poolSize);
  const source = new DataSource({
    ...options,
    extra: { ...extra, statement_timeout: STATEMENT_MS, mostSilenceMs: SILENCE_MS },
  });
  return {
    open: async () => {
      await assertBoundByPolicies(url, 'DATABASE_READ_URL');
      if (!source.isInitialized) await source.initialize();
    },
    sessions: new TenantTransaction(source),
    lagSeconds: async () => {
      const [row] = await source.query<{ seconds: number }[]>(LAG);
      return row?.seconds ?? 0;
    },
    close: async () => {
      if (source.isInitialized) await source.destroy();
    },
  };
}

/** The replica has the logins of its primary. */
function withLogin(readUrl: string, appUrl: string): string {
  const [url, app] = [new URL(readUrl), new URL(appUrl)];
  if (url.username === '') [url.username, url.password] = [app.username, app.password];
  return url.href;
}
