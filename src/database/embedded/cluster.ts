import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Binaries } from './binaries';
import { type Account, type Finished, processCommand, runProgram } from './processes';
import { EmbeddedPostgresError } from './refusal';
import { type Settings, settingsPath } from './settings';

export type Log = (line: string) => void;

/** One PostgreSQL data directory, the programs that work on it and the account they run as. */
export interface Cluster {
  home: string;
  directory: string;
  binaries: Binaries;
  account: Account | undefined;
}

/** A crash recovery may take long; giving up early would only hide it. */
const START_SECONDS = 300;
const STOP_SECONDS = 60;

/** For a small machine. Durability keeps PostgreSQL's defaults, and they are named so that nothing overrides them. */
const SERVER_OPTIONS = {
  listen_addresses: '127.0.0.1',
  // No socket: a shared directory such as /tmp would show it to every user of the machine.
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // Short statements lose more to compiling than they gain.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // A week of logs, one file for each weekday, overwritten a week later.
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'server-%a.log',
  log_rotation_age: '1d',
  log_rotation_size: '0',
  log_truncate_on_rotation: 'on',
  log_checkpoints: 'off',
};

/** PG_VERSION of the data directory; `undefined` when there is none yet. */
export async function clusterVersion(cluster: Cluster): Promise<string | undefined> {
  const text = await readFile(join(cluster.directory, 'PG_VERSION'), 'utf8').catch(() => undefined);
  return text?.trim();
}

/**
 * Makes the data directory. It is built beside its place and renamed at the end, so that a crash on the way leaves
 * none; what an earlier crash left behind is removed.
 * Throws EmbeddedPostgresError with what initdb said.
 */
export async function initialiseCluster(cluster: Cluster, settings: Settings): Promise<void> {
  await removeDrafts(cluster.home);
  const draft = join(cluster.home, `${DRAFT_PREFIX}${randomBytes(4).toString('hex')}`);
  const passwordFile = join(draft, 'password');
  await mkdir(draft, { mode: 0o700 });
  await writeFile(passwordFile, `${settings.password}\n`, { mode: 0o600 });
  for (const path of [draft, passwordFile]) await giveTo(cluster.account, path);
  const { code, output } = await runProgram(
    cluster.binaries.initdb,
    [...INITDB_OPTIONS, `--pgdata=${join(draft, 'data')}`, `--pwfile=${passwordFile}`],
    { account: cluster.account, cwd: draft },
  );
  if (code === 0) await rename(join(draft, 'data'), cluster.directory);
  await removeDrafts(cluster.home);
  if (code !== 0) throw new EmbeddedPostgresError(`initdb failed for ${cluster.directory}: ${output}`);
}

const DRAFT_PREFIX = 'postgres.initialising-';

const INITDB_OPTIONS = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  // Unicode from PostgreSQL itself, ordered by code point: the same on every machine, whatever locales it has.
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
];

async function removeDrafts(home: string): Promise<void> {
  const drafts = (await readdir(home)).filter((name) => name.startsWith(DRAFT_PREFIX));
  for (const name of drafts) await rm(join(home, name), { recursive: true, force: true, maxRetries: 3 });
}

async function giveTo(account: Account | undefined, path: string): Promise<void> {
  if (account) await chown(path, account.uid, account.gid);
}

/** Returns when the server takes connections, or with a code other than 0 and the reason when it will not. */
export async function launchServer(cluster: Cluster, port: number): Promise<Finished> {
  const options = Object.entries({ ...SERVER_OPTIONS, port }).map(([name, value]) => `-c ${name}=${value}`);
  const started = join(cluster.directory, 'start.log');
  await rm(started, { force: true });
  const finished = await pgCtl(cluster, 'start', START_SECONDS, ['-l', started, '-o', options.join(' ')]);
  if (finished.code === 0) return finished;
  const said = await readFile(started, 'utf8').catch(() => '');
  return {
    code: finished.code,
    output: [finished.output, said.trim(), await lastLogLines(cluster)].join('\n'),
  };
}

/** Fast shutdown: open transactions are rolled back, everything committed is on disk. Fine when none runs. */
export async function shutDownServer(cluster: Cluster): Promise<void> {
  const { code, output } = await pgCtl(cluster, 'stop', STOP_SECONDS, ['-m', 'fast']);
  if (code === 0 || (await livingServer(cluster)) === undefined) return;
  throw new EmbeddedPostgresError(`The embedded PostgreSQL in ${cluster.directory} did not stop: ${output}`);
}

function pgCtl(cluster: Cluster, verb: string, seconds: number, args: string[]): Promise<Finished> {
  return runProgram(
    cluster.binaries.pgCtl,
    [verb, '-D', cluster.directory, '-w', '-t', String(seconds), ...args],
    { account: cluster.account, cwd: cluster.directory },
  );
}

/** Enough of today's log to see why a start failed. */
async function lastLogLines(cluster: Cluster): Promise<string> {
  const weekday = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][new Date().getUTCDay()];
  const path = join(cluster.directory, 'log', `server-${weekday}.log`);
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-10).join('\n');
}

/**
 * The server that runs on this data directory, also one whose service was killed; its port is unknown in the first
 * moments of a start.
 * A postmaster.pid that names no living server of this directory is left from a crash and is removed: PostgreSQL
 * would refuse to start while a process with that pid exists, be it another program or a zombie. Whether sessions
 * of the old server still run, PostgreSQL finds out without that file.
 */
export async function livingServer(cluster: Cluster): Promise<{ port: number | undefined } | undefined> {
  const path = join(cluster.directory, 'postmaster.pid');
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (!(await processCommand(pid))?.includes(`-D ${cluster.directory} `)) {
    await rm(path, { force: true });
    return undefined;
  }
  return { port: Number(lines[3]) || undefined };
}

/** Throws EmbeddedPostgresError when the data directory cannot be used with these programs and settings. */
export function checkCluster(cluster: Cluster, version: string, settings: Settings | undefined): Settings {
  if (version !== cluster.binaries.major) {
    throw new EmbeddedPostgresError(
      `${cluster.directory} was made by PostgreSQL ${version}, this release brings PostgreSQL ` +
        `${cluster.binaries.major}. Move the data with pg_dump and pg_restore, or choose another DATA_DIR.`,
    );
  }
  if (settings) return settings;
  throw new EmbeddedPostgresError(
    `${settingsPath(cluster.home)} is missing; without it the password of ${cluster.directory} is lost. ` +
      'Restore the file, or remove the data directory to begin with an empty database.',
  );
}
