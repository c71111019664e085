/**
 * Debian's MariaDB, started by hand beside the one of the system: own port, socket and data, on loopback only;
 * everything is removed when it has stopped. Arguments: files of a certificate and its key, for TLS.
 */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { freePort } from '../../src/database/embedded/settings';
import { runForParent } from './parent-bound';
import { temporaryDirectory } from './temporary-directory';

const execute = promisify(execFile);
const PROGRAM = '/usr/sbin/mariadbd';
const INSTALLER = '/usr/bin/mariadb-install-db';

runForParent(async () => {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not installed`);
  const home = await temporaryDirectory('mariadb');
  const port = await freePort();
  const common = ['--no-defaults', `--datadir=${join(home, 'data')}`];
  const user = userInfo().username;
  await execute(INSTALLER, [...common, `--user=${user}`, '--auth-root-authentication-method=normal']);
  const server = spawn(PROGRAM, [...common, `--user=${user}`, ...settings(home, port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await exited;
    await rm(home, { recursive: true, force: true });
  };
  await readiness(server).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: `mysql://root@127.0.0.1:${port}`, stop };
});

function settings(home: string, port: number): string[] {
  const [certificate, key] = process.argv.slice(2);
  return [
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    // By name, a fresh server takes every local user for its anonymous one.
    '--skip-name-resolve',
    `--socket=${join(home, 'mariadb.sock')}`,
    `--pid-file=${join(home, 'mariadb.pid')}`,
    '--max-allowed-packet=64M',
    '--innodb-flush-log-at-trx-commit=0',
    ...(certificate === undefined ? [] : [`--ssl-cert=${certificate}`, `--ssl-key=${key}`]),
  ];
}

function readiness(server: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  const output: string[] = [];
  return new Promise((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line);
        if (line.includes('ready for connections')) resolve();
      });
    }
    server.once('error', reject);
    server.once('close', () => reject(new Error(`MariaDB did not start: ${output.slice(-10).join('\n')}`)));
  });
}
