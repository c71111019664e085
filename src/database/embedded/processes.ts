import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The operating-system account PostgreSQL runs as; absent means: the account of this process. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

export interface Finished {
  code: number | null;
  output: string;
}

/**
 * Runs a PostgreSQL program to its end and returns its exit code and everything it printed.
 *
 * Detached, so that a Ctrl-C meant for the service reaches neither it nor the server it starts. It gets none of
 * our environment: no secret of the service, and no PG* or LC_* variable that would change what it does.
 * Rejects when the program cannot be started at all. It goes on to its end when this process is killed.
 */
export function runProgram(
  program: string,
  args: string[],
  options: { account: Account | undefined; cwd: string },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      detached: true,
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.account && { uid: options.account.uid, gid: options.account.gid }),
    });
    let output = '';
    const collect = (chunk: Buffer): void => void (output += chunk.toString('utf8'));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output: output.trim() }));
  });
}

/**
 * What tells this process from a later one with the same pid: boot and start time, opaque. `undefined` when no
 * such process lives; a zombie that its parent has not collected counts as dead.
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  if (!existsSync('/proc/self/stat')) return identityFromPs(pid);
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the command in brackets and may hold anything; the rest is counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()}/${startTicks}`;
}

async function identityFromPs(pid: number): Promise<string | undefined> {
  const printed = await ps(pid, 'stat=', 'lstart=');
  if (printed === 'no ps here') return isAlive(pid) ? 'alive' : undefined;
  return printed === undefined || printed.startsWith('Z') ? undefined : printed.replace(/^\S+\s+/, '');
}

/** The command line of a living process, its arguments separated by blanks; `undefined` when there is none. */
export async function processCommand(pid: number): Promise<string | undefined> {
  if ((await processIdentity(pid)) === undefined) return undefined;
  if (!existsSync('/proc/self/cmdline')) return ps(pid, 'command=');
  const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return raw?.replaceAll('\0', ' ').trim();
}

async function ps(pid: number, ...columns: string[]): Promise<string | undefined> {
  const args = ['-p', String(pid), ...columns.flatMap((column) => ['-o', column])];
  try {
    return (await execute('ps', args)).stdout.trim();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no ps here' : undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
