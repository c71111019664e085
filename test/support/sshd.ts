import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHelper } from './helper-process';
import { temporaryDirectory } from './temporary-directory';

export interface Sshd {
  host: string;
  port: number;
  username: string;
  /** Empty at first; tests put their files there and read what arrived. */
  files: string;
  /** `SHA256:…` of the server's key, and of a key that it does not have. */
  hostKey: string;
  otherHostKey: string;
  /** The key that may log in, the same with a passphrase, and one that may not. */
  clientKey: string;
  lockedKey: { key: string; passphrase: string };
  strangerKey: string;
  /** SIGKILL of the listening server, as a crash would end it; sessions under way stay. */
  kill(): void;
  stop(): Promise<void>;
}

/**
 * A real OpenSSH server for one test file; throws how to get it when there is none. `options` are those of its
 * SFTP server. An interrupted test run stops it by itself.
 */
export async function startSshd(...options: string[]): Promise<Sshd> {
  const home = await temporaryDirectory('sshd');
  const helper = await startHelper('sshd-service.ts', home, ...options);
  const { hostname, port, username } = new URL(helper.url);
  const read = (name: string): string => readFileSync(join(home, name), 'utf8');
  return {
    host: hostname,
    port: Number(port),
    username,
    files: join(home, 'files'),
    hostKey: fingerprintOf(read('host.pub')),
    otherHostKey: fingerprintOf(read('other-host.pub')),
    clientKey: read('client'),
    lockedKey: { key: read('locked'), passphrase: 'passphrase-5d1e' },
    strangerKey: read('stranger'),
    kill: () => void process.kill(Number(read('sshd.pid')), 'SIGKILL'),
    stop: () => helper.stop(),
  };
}

/** Of a line `ssh-ed25519 <base64> <comment>`. */
function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
