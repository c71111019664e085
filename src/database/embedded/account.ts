import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { type Account, runProgram } from './processes';
import { EmbeddedPostgresError } from './refusal';

const execute = promisify(execFile);
const ACCOUNT_NAME = 'postgres';

/**
 * PostgreSQL refuses to run as root. For root this is the account `postgres`, created when the system has none;
 * for everyone else `undefined`: the server runs as the caller.
 * Throws EmbeddedPostgresError when the account can be neither found nor created.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return (await findAccount()) ?? (await createAccount());
}

async function findAccount(): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => execute('id', [flag, ACCOUNT_NAME])));
    return { name: ACCOUNT_NAME, uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
  } catch {
    return undefined;
  }
}

async function createAccount(): Promise<Account> {
  let reason = '';
  try {
    await execute('groupadd', ['--force', '--system', ACCOUNT_NAME]);
    await execute('useradd', ['--system', '--no-create-home', '--gid', ACCOUNT_NAME, ACCOUNT_NAME]);
  } catch (error) {
    reason = ` (${(error as Error).message.trim()})`;
  }
  const account = await findAccount();
  if (account) return account;
  throw new EmbeddedPostgresError(
    `PostgreSQL does not run as root, and the account "${ACCOUNT_NAME}" could not be created${reason}. ` +
      'Create it, start as another user, or set DATABASE_URL.',
  );
}

/** The first of `paths` or of the directories above them that the account may not enter; `undefined` when none. */
export async function firstUnreachable(account: Account, paths: string[]): Promise<string | undefined> {
  const all = [...new Set(paths.flatMap(withParents))];
  // Asked of the kernel as that account, since modes alone do not tell (access lists, mounts).
  const script = 'for path; do [ -x "$path" ] || { printf %s "$path"; exit 1; }; done';
  const { code, output } = await runProgram('/bin/sh', ['-c', script, 'sh', ...all], { account, cwd: '/' });
  return code === 0 ? undefined : output;
}

function withParents(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...withParents(parent), path];
}
