import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory that other accounts may enter, not list: as root, servers run under an account of their own. */
export async function temporaryDirectory(purpose: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), `distributor-${purpose}-`));
  await chmod(path, 0o711);
  return path;
}
