/**
 * OpenSSH's sshd, started by hand beside the one of the system: own keys, port and configuration, on loopback
 * only, login by key for the user who runs the tests. Arguments: an empty directory, which is removed when it
 * has stopped, and options for the SFTP server, e.g. `-P posix-rename`.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable } from 'node:stream';
import { freePort } from '../../src/database/embedded/settings';
import { runForParent } from './parent-bound';

// By its whole path, which it insists on: it starts itself again for each connection.
const PROGRAM = '/usr/sbin/sshd';

runForParent(async () => {
  if (!existsSync(PROGRAM)) install();
  const [home = '', ...sftpOptions] = process.argv.slice(2);
  const port = await freePort();
  const configuration = await configure(home, port, sftpOptions);
  const server = spawn(PROGRAM, ['-D', '-e', '-f', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    const sessions = descendants(server.pid ?? 0);
    server.kill('SIGTERM');
    await exited;
    // A session outlives the server that started it, as long as its client stays.
    for (const pid of sessions) end(pid);
    await rm(home, { recursive: true, force: true });
  };
  await readiness(server).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: `sftp://${userInfo().username}@127.0.0.1:${port}`, stop };
});

/** Its package brings the user it needs; unpacked alone it would not run. A test that runs beside may install it, too. */
function install(): void {
  const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=180'];
  try {
    if (process.getuid?.() !== 0) throw new Error('only root can install it');
    execFileSync('apt-get', ['install', ...options, 'openssh-server'], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new Error(
      `${PROGRAM} is not installed. Install the Debian package: apt-get install openssh-server (${reason}).`,
      { cause: error },
    );
  }
}

function readiness(server: ChildProcessByStdio<null, null, Readable>): Promise<void> {
  const output: string[] = [];
  return new Promise((resolve, reject) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      if (output.length < 100) output.push(line);
      if (line.includes('Server listening on')) resolve();
    });
    server.once('error', reject);
    server.once('close', () => reject(new Error(`sshd did not start: ${output.slice(-10).join('\n')}`)));
  });
}

/** Nothing of the system's own configuration is read. */
async function configure(home: string, port: number, sftpOptions: string[]): Promise<string> {
  for (const name of ['host', 'client', 'stranger', 'other-host']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(home, name)]);
  }
  await copyFile(join(home, 'client'), join(home, 'locked'));
  execFileSync('ssh-keygen', ['-q', '-p', '-N', 'passphrase-5d1e', '-f', join(home, 'locked')]);
  // For the unprivileged half of each session; sshd has no option to have it elsewhere.
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  await mkdir(join(home, 'files'));
  const path = join(home, 'sshd_config');
  await writeFile(
    path,
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${join(home, 'host')}`,
      `AuthorizedKeysFile ${join(home, 'client.pub')}`,
      `PidFile ${join(home, 'sshd.pid')}`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'UseDNS no',
      // The directory of the tests is nobody's home.
      'StrictModes no',
      'MaxStartups 200',
      `Subsystem sftp internal-sftp ${sftpOptions.join(' ')}`,
      '',
    ].join('\n'),
  );
  return path;
}

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return children
      .filter((child) => child !== '')
      .flatMap((child) => [Number(child), ...descendants(Number(child))]);
  } catch {
    return [];
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
