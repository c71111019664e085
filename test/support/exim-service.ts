/**
 * Exim, the mail transfer agent of Debian, started by hand on loopback: `exim-service.ts <certificate> <key>`. It
 * takes mail for `archive@receiver.test` into a maildir; `ready` is `smtp://127.0.0.1:<port><maildir>`. Nothing is
 * installed: the packages are unpacked into a temporary directory, which is removed when it has stopped.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/database/embedded/settings';
import { runForParent } from './parent-bound';
import { temporaryDirectory } from './temporary-directory';

const execute = promisify(execFile);
const INSTALLED = '/usr/sbin/exim4';
/** The program, what it is linked to, and what lets it find its account without one in the system. */
const PACKAGES = ['exim4-daemon-light', 'libidn12', 'libnss-wrapper'];
const ACCOUNT = 'Debian-exim';
const REMEDY = 'Install it (apt-get install exim4-daemon-light), or let apt-get download it.';
const START_MS = 10_000;

const [certificate = '', key = ''] = process.argv.slice(2);

runForParent(async () => {
  const home = await temporaryDirectory('exim');
  const remove = (): Promise<void> => rm(home, { recursive: true, force: true });
  try {
    const port = await freePort();
    const program = await obtain(home);
    await configure(home, program, port);
    const mta = spawn(program, ['-C', join(home, 'exim.conf'), '-bdf'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(mta, 'exit');
    let said = '';
    mta.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const stop = async (): Promise<void> => {
      mta.kill('SIGTERM');
      await exited;
      await remove();
    };
    await Promise.race([
      listening(port),
      exited.then(() => Promise.reject(new Error(`Exim did not start: ${said}`))),
    ]);
    return { url: `smtp://127.0.0.1:${port}${join(home, 'maildir')}`, stop };
  } catch (error) {
    await remove();
    throw error;
  }
});

/** A wrapper around a program without the set-user-id bit, which would drop the libraries' search path. */
async function obtain(home: string): Promise<string> {
  const root = join(home, 'root');
  await mkdir(root);
  await unpack(root);
  const binary = join(home, 'exim4');
  await copyFile(existsSync(INSTALLED) ? INSTALLED : join(root, INSTALLED), binary);
  await chmod(binary, 0o755);
  const { uid, gid } = await account();
  const entries = {
    passwd: `${ACCOUNT}:x:${uid}:${gid}::/nonexistent:/bin/false`,
    group: `${ACCOUNT}:x:${gid}:`,
  };
  for (const [file, entry] of Object.entries(entries)) {
    const others = (await readFile(`/etc/${file}`, 'utf8'))
      .split('\n')
      .filter((line) => !line.startsWith(`${ACCOUNT}:`));
    await writeFile(join(home, file), `${others.join('\n').trimEnd()}\n${entry}\n`);
  }
  const libraries = join(root, 'usr', 'lib');
  const folders = (await readdir(libraries)).map((folder) => join(libraries, folder));
  const wrapper = join(home, 'exim');
  const lines = [
    '#!/bin/sh',
    `export LD_LIBRARY_PATH=${folders.join(':')} LD_PRELOAD=libnss_wrapper.so`,
    `export NSS_WRAPPER_PASSWD=${join(home, 'passwd')} NSS_WRAPPER_GROUP=${join(home, 'group')}`,
    `exec ${binary} "$@"`,
  ];
  await writeFile(wrapper, `${lines.join('\n')}\n`, { mode: 0o755 });
  return wrapper;
}

async function unpack(root: string): Promise<void> {
  try {
    await execute('apt-get', ['download', ...PACKAGES], { cwd: root });
    for (const file of await readdir(root)) {
      if (file.endsWith('.deb')) await execute('dpkg', ['-x', join(root, file), root]);
    }
  } catch (error) {
    throw new Error(`Exim cannot be had. ${REMEDY}`, { cause: error });
  }
}

/** Exim refuses to be root: then it is the account that owns mail on every Debian system. */
async function account(): Promise<{ uid: number; gid: number }> {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (own.uid !== 0) return own;
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith('mail:'));
  const [, , uid, gid] = (line ?? 'mail:x:8:8').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function configure(home: string, program: string, port: number): Promise<void> {
  const { uid, gid } = await account();
  for (const name of ['spool', 'log', 'maildir', 'maildir/new', 'maildir/cur', 'maildir/tmp']) {
    await mkdir(join(home, name));
    if (process.getuid?.() === 0) await chown(join(home, name), uid, gid);
  }
  for (const [from, to] of [
    [certificate, 'certificate.pem'],
    [key, 'key.pem'],
  ] as const) {
    await copyFile(from, join(home, to));
    await chmod(join(home, to), 0o644);
  }
  await writeFile(
    join(home, 'exim.conf'),
    `exim_path = ${program}
exim_user = ${ACCOUNT}
exim_group = ${ACCOUNT}
never_users =
deliver_drop_privilege = true
spool_directory = ${home}/spool
log_file_path = ${home}/log/%slog
pid_file_path = ${home}/spool/exim.pid
primary_hostname = receiver.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
tls_advertise_hosts = *
tls_certificate = ${home}/certificate.pem
tls_privatekey = ${home}/key.pem
message_size_limit = 50M
acl_smtp_rcpt = recipients
acl_smtp_data = accept
begin acl
recipients:
  accept domains = receiver.test
         local_parts = archive
  deny   message = no such user here
begin routers
archive:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = ${home}/maildir
  maildir_format
  user = ${ACCOUNT}
  group = ${ACCOUNT}
  mode = 0644
  directory_mode = 0755
`,
  );
}

/** A refused connection is tried again until somebody listens. */
async function listening(port: number): Promise<void> {
  const until = Date.now() + START_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const answers = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (answers) return;
    if (Date.now() > until) throw new Error(`Exim does not listen on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
