import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processIdentity } from './processes';
import { EmbeddedPostgresError } from './refusal';

export interface ServiceLock {
  /** Idempotent; leaves the lock of another holder alone. */
  release(): Promise<void>;
}

interface Holder {
  pid: number;
  identity: string;
}

/**
 * Takes `<directory>/service.lock`, so that one service at a time uses a data directory.
 *
 * The file names the pid and the start of the process that holds it. A lock whose process is gone (crash, power
 * loss, pid taken by another program since) is taken over without a question.
 * Throws EmbeddedPostgresError naming directory, pid and remedy while the holder lives.
 */
export async function holdServiceLock(directory: string): Promise<ServiceLock> {
  const path = join(directory, 'service.lock');
  const own = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const content = JSON.stringify({ pid: process.pid, identity: (await processIdentity(process.pid)) ?? '' });
  await writeFile(own, content, { mode: 0o600 });
  try {
    // A link is made or refused as a whole, and the file behind it is already complete.
    while (!(await linked(own, path))) await clearStaleLock(path, directory);
  } finally {
    await rm(own, { force: true });
  }
  return {
    release: async () => {
      if ((await readLock(path)) === content) await rm(path, { force: true });
    },
  };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the lock aside before it is removed: of two starts that meet a stale lock, one gets hold of it. */
async function clearStaleLock(path: string, directory: string): Promise<void> {
  const seen = await readLock(path);
  if (seen === undefined) return;
  await refuseIfHeld(seen, directory);
  const aside = `${path}.stale-${process.pid}-${randomBytes(4).toString('hex')}`;
  await rename(path, aside).catch(() => undefined);
  // Another start may have been faster and put its own lock there since we looked: give that one back.
  if ((await readLock(aside)) !== seen) await linked(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function refuseIfHeld(content: string, directory: string): Promise<void> {
  const holder = parseHolder(content);
  if (holder === undefined || (await processIdentity(holder.pid)) !== holder.identity) return;
  throw new EmbeddedPostgresError(
    `The data directory ${directory} is in use by another Distributor process (pid ${holder.pid}). ` +
      `Stop that process first (kill ${holder.pid}), or start this one with another DATA_DIR or with DATABASE_URL.`,
  );
}

/** Unreadable content is nobody's lock: locks appear complete, so it is not one of ours in the making. */
function parseHolder(content: string): Holder | undefined {
  try {
    const value = JSON.parse(content) as Partial<Holder> | null;
    const { pid, identity } = value ?? {};
    return typeof pid === 'number' && typeof identity === 'string' ? { pid, identity } : undefined;
  } catch {
    return undefined;
  }
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
