import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './refusal';

/** What must outlive the service to reach its database again: `<dataDir>/embedded-postgres.json`, mode 0600. */
export interface Settings {
  port: number;
  password: string;
}

export const settingsPath = (home: string): string => join(home, 'embedded-postgres.json');

/**
 * The saved settings; `undefined` when there are none yet.
 * Throws EmbeddedPostgresError when the file is there and cannot be understood.
 */
export async function readSettings(home: string): Promise<Settings | undefined> {
  const path = settingsPath(home);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { port, password } = JSON.parse(text) as Partial<Settings>;
    if (typeof port === 'number' && typeof password === 'string') return { port, password };
  } catch {
    // Falls through to the one message for every kind of damage.
  }
  throw new EmbeddedPostgresError(
    `${path} is damaged: it must hold {"port": number, "password": string}. ` +
      'Restore it, or remove the data directory to begin with an empty database.',
  );
}

/** Replaces the file as a whole: a crash leaves the old settings or the new ones. */
export async function saveSettings(home: string, settings: Settings): Promise<void> {
  const path = settingsPath(home);
  await writeFile(`${path}.new`, `${JSON.stringify(settings)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

export async function newSettings(): Promise<Settings> {
  return { port: await freePort(), password: randomBytes(24).toString('hex') };
}

/** A TCP port on 127.0.0.1 that nobody listens on right now. */
export const freePort = (): Promise<number> => bind(0);

export const isPortFree = (port: number): Promise<boolean> =>
  bind(port).then(
    () => true,
    () => false,
  );

function bind(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
