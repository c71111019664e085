/**
 * Debian's PgBouncer in transaction mode, in front of a server: `pgbouncer-service.ts <owner's URL>`. On loopback, with
 * files of its own; `ready` is `pgbouncer://127.0.0.1:<port>`. Where it is not installed, the package is unpacked into a
 * temporary directory, which is removed when it has stopped.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { freePort } from '../../src/database/embedded/settings';
import { rolePassword, SESSION_ROLES } from '../../src/database/roles';
import { runForParent } from './parent-bound';
import { temporaryDirectory } from './temporary-directory';

const execute = promisify(execFile);
const INSTALLED = '/usr/sbin/pgbouncer';
const PACKAGES = ['pgbouncer', 'libc-ares2', 'libevent-2.1-7'];
const REMEDY = 'Install it (apt-get install pgbouncer), or let apt-get download it.';
const [ownerUrl = ''] = process.argv.slice(2);

runForParent(async () => {
  const home = await temporaryDirectory('pgbouncer');
  const port = await freePort();
  // It refuses to be root, and reads its files as the account that it becomes.
  await chmod(home, 0o755);
  const { program, libraries } = await obtain(home);
  await configure(home, port);
  const account = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const pooler = spawn(program, [...account, join(home, 'pgbouncer.ini')], {
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(pooler, 'exit');
  const stop = async (): Promise<void> => {
    pooler.kill('SIGKILL');
    await exited;
    await rm(home, { recursive: true, force: true });
  };
  const said: string[] = [];
  const up = new Promise<void>((resolve, reject) => {
    createInterface({ input: pooler.stderr }).on('line', (line) => {
      said.push(line);
      if (line.includes('process up')) resolve();
    });
    pooler.once('error', reject);
    pooler.once('close', () => reject(new Error(`PgBouncer did not start: ${said.slice(-10).join('\n')}`)));
  });
  await up.catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: `pgbouncer://127.0.0.1:${port}`, stop };
});

async function obtain(home: string): Promise<{ program: string; libraries: string }> {
  if (existsSync(INSTALLED)) return { program: INSTALLED, libraries: '' };
  try {
    await execute('apt-get', ['download', ...PACKAGES], { cwd: home });
    for (const file of await readdir(home)) {
      if (file.endsWith('.deb')) await execute('dpkg', ['-x', join(home, file), home]);
    }
  } catch (error) {
    throw new Error(`PgBouncer cannot be had. ${REMEDY}`, { cause: error });
  }
  const libraries = join(home, 'usr', 'lib');
  const folders = (await readdir(libraries)).map((folder) => join(libraries, folder));
  return { program: join(home, INSTALLED), libraries: folders.join(':') };
}

/** Two sessions of the server for each login: whoever counts on keeping one is found out. */
async function configure(home: string, port: number): Promise<void> {
  const server = new URL(ownerUrl);
  const users = join(home, 'users.txt');
  const passwords = SESSION_ROLES.map((role) => [role, rolePassword(ownerUrl, role) ?? ''] as const);
  await writeFile(users, passwords.map(([role, password]) => `"${role}" "${password}"\n`).join(''), {
    mode: 0o644,
  });
  const lines = [
    '[databases]',
    `* = host=${server.hostname} port=${server.port || '5432'}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    `auth_type = ${server.password === '' ? 'trust' : 'scram-sha-256'}`,
    `auth_file = ${users}`,
    'pool_mode = transaction',
    'default_pool_size = 2',
    'max_client_conn = 200',
    'query_timeout = 60',
    'idle_transaction_timeout = 60',
  ];
  await writeFile(join(home, 'pgbouncer.ini'), `${lines.join('\n')}\n`, { mode: 0o644 });
}
