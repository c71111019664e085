import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The key ring: ENCRYPTION_KEYS, or one key made at the first start and kept in DATA_DIR, readable by this user only.
 * Processes on several machines must be given the same ring.
 */
export async function encryptionKeys(
  configured: readonly string[],
  dataDir: string,
): Promise<readonly string[]> {
  if (configured.length > 0) return configured;
  const path = join(dataDir, 'encryption.key');
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  if (kept !== undefined) return [kept.trim()];
  await mkdir(dataDir, { recursive: true });
  const key = randomBytes(32).toString('base64');
  // Another process may have been quicker; then its key is the one.
  await writeFile(path, `${key}\n`, { mode: 0o600, flag: 'wx' }).catch(() => undefined);
  return [(await readFile(path, 'utf8')).trim()];
}
