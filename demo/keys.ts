import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The API keys of the demo, kept between its runs in a file that only its user can read. */
export interface Keys {
  admin: string;
  tenants: Record<string, string>;
}

export async function readKeys(path: string): Promise<Keys> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const kept = text === '' ? undefined : parsed(text);
  if (kept !== undefined) return kept;
  const keys = { admin: `zk_${randomBytes(16).toString('hex')}`, tenants: {} };
  try {
    await saveKeys(path, keys);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`the data directory cannot be used (${reason}). Choose another one with DATA_DIR.`);
  }
  return keys;
}

/** Replaced as a whole: a crash leaves the old file or the new one. */
export async function saveKeys(path: string, keys: Keys): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** A damaged file costs nothing: the service takes a new administrator's key at its next start. */
function parsed(text: string): Keys | undefined {
  try {
    const { admin, tenants } = JSON.parse(text) as Partial<Keys>;
    return typeof admin === 'string' && /^zk_[0-9a-f]{32}$/.test(admin)
      ? { admin, tenants: tenants ?? {} }
      : undefined;
  } catch {
    return undefined;
  }
}
