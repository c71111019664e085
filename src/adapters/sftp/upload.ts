import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { STATUS, StatusFault } from './classify';
import { type Connection } from './connection';
import { type Place } from './paths';
import { type SftpConfiguration } from './schema';

/** What became of a file; `conflict` means that another file has the name and stays as it is. */
export interface Stored {
  kind: 'stored' | 'kept' | 'conflict';
  path: string;
}

export interface Upload {
  connection: Connection;
  place: Place;
  body: Buffer;
  configuration: SftpConfiguration;
  /** Bytes that the server has acknowledged; counts up while the upload runs. */
  progress: { bytes: number };
}

const CHUNK_BYTES = 32 * 1024;
/** Requests under way at a time: 512 KiB fill a line of 100 Mbit/s with 40 ms of delay. */
const CHUNKS_AT_ONCE = 16;

/**
 * Writes the bytes under a temporary name in the same directory, then renames: whoever looks into the directory
 * sees the whole file or none. A repeat ends in the same name with the same bytes.
 */
export async function store(upload: Upload): Promise<Stored> {
  const { place } = upload;
  await tidy(upload, place.leftovers);
  const policy = upload.configuration.conflict ?? 'replace';
  const stored = policy === 'replace' ? await replace(upload, place.path) : await keepOthers(upload);
  if (stored.kind === 'stored') await companions(upload, stored.path);
  return stored;
}

async function replace(upload: Upload, path: string): Promise<Stored> {
  const { connection, place } = upload;
  await writeTemporary(upload);
  await orTidy(upload, async () => {
    try {
      await connection.call('rename', (sftp, done) => sftp.ext_openssh_rename(place.temporary, path, done));
    } catch (error) {
      if (!isStatus(error, STATUS.unsupported)) throw error;
      // Not atomic: for a moment there is no file of this name. A crash in between is made good by the repeat.
      await tidy(upload, [path]);
      await plainRename(upload, path);
    }
  });
  return { kind: 'stored', path };
}

/** The policies that leave another delivery's file alone. */
async function keepOthers(upload: Upload): Promise<Stored> {
  const before = await existing(upload);
  if (before !== undefined) return before;
  await writeTemporary(upload);
  return orTidy(upload, async () => {
    try {
      await plainRename(upload, upload.place.path);
      return { kind: 'stored' as const, path: upload.place.path };
    } catch (error) {
      // Somebody was faster. Version 3 has no status of its own for that.
      if (!isStatus(error, STATUS.failure, STATUS.alreadyExists)) throw error;
      const meanwhile = await existing(upload);
      if (meanwhile === undefined) throw error;
      await tidy(upload, [upload.place.temporary]);
      return meanwhile;
    }
  });
}

/** What to do about a file that has the name already; undefined when there is none. */
async function existing(upload: Upload): Promise<Stored | undefined> {
  const { place, configuration } = upload;
  if ((await sizeOf(upload.connection, place.path)) === undefined) return undefined;
  if (await isSame(upload, place.path)) return { kind: 'stored', path: place.path };
  if (configuration.conflict === 'rename') return replace(upload, place.alternative);
  return { kind: configuration.conflict === 'ignore' ? 'kept' : 'conflict', path: place.path };
}

/** SFTP's own rename, which fails when the new name exists (OpenSSH makes a hard link, so nobody slips in). */
const plainRename = ({ connection, place }: Upload, path: string): Promise<void> =>
  connection.call('rename', (sftp, done) => sftp.rename(place.temporary, path, done));

async function writeTemporary(upload: Upload): Promise<void> {
  const { connection, place, configuration } = upload;
  try {
    await write(upload, place.temporary, upload.body);
  } catch (error) {
    if (configuration.mkdirs !== true || !isStatus(error, STATUS.noSuchFile)) throw error;
    await makeDirectories(connection, place.directory);
    await write(upload, place.temporary, upload.body);
  }
}

async function write(upload: Upload, path: string, bytes: Buffer): Promise<void> {
  const { connection, configuration } = upload;
  const handle = await connection.call<Buffer>('open', (sftp, done) => sftp.open(path, 'w', done));
  await orTidy(
    upload,
    async () => {
      try {
        await writeChunks(upload, handle, bytes);
        const mode = configuration.permissions;
        if (mode !== undefined) {
          await connection.call('chmod', (sftp, done) => sftp.fchmod(handle, parseInt(mode, 8), done));
        }
      } finally {
        await connection.call('close', (sftp, done) => sftp.close(handle, done));
      }
    },
    path,
  );
}

async function writeChunks({ connection, progress }: Upload, handle: Buffer, bytes: Buffer): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < bytes.length) {
      const at = next;
      const length = Math.min(CHUNK_BYTES, bytes.length - at);
      next += length;
      await connection.call('write', (sftp, done) => sftp.write(handle, bytes, at, length, at, done));
      progress.bytes += length;
    }
  };
  await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, writer));
}

/** From the top down; one that exists is no fault, whatever status the server has for it. */
async function makeDirectories(connection: Connection, directory: string): Promise<void> {
  const steps = directory.split('/').filter((step) => step !== '');
  let path = directory.startsWith('/') ? '/' : '';
  for (const step of steps) {
    path = posix.join(path, step);
    await connection
      .call('mkdir', (sftp, done) => sftp.mkdir(path, done))
      .catch((error: unknown) => {
        if (!isStatus(error, STATUS.failure, STATUS.alreadyExists, STATUS.permissionDenied)) throw error;
      });
  }
}

/** The checksum before the done file: whoever waits for the latter finds all the others. */
async function companions(upload: Upload, path: string): Promise<void> {
  const { checksum_file, done_file } = upload.configuration;
  const counted = upload.progress.bytes;
  if (checksum_file === true) {
    const digest = createHash('sha256').update(upload.body).digest('hex');
    await write(upload, `${path}.sha256`, Buffer.from(`${digest}  ${posix.basename(path)}\n`));
  }
  if (done_file !== undefined) await write(upload, `${path}${done_file}`, Buffer.alloc(0));
  upload.progress.bytes = counted;
}

/** The size of a file; undefined when there is none. */
async function sizeOf(connection: Connection, path: string): Promise<number | undefined> {
  try {
    return (await connection.call<{ size: number }>('stat', (sftp, done) => sftp.stat(path, done))).size;
  } catch (error) {
    if (isStatus(error, STATUS.noSuchFile)) return undefined;
    throw error;
  }
}

/** Whether a file has exactly these bytes: then it is an earlier attempt's, whose answer was lost. */
async function isSame({ connection, body }: Upload, path: string): Promise<boolean> {
  if ((await sizeOf(connection, path)) !== body.length) return false;
  const handle = await connection.call<Buffer>('open', (sftp, done) => sftp.open(path, 'r', done));
  const chunk = Buffer.alloc(CHUNK_BYTES);
  try {
    for (let at = 0; at < body.length;) {
      const length = Math.min(CHUNK_BYTES, body.length - at);
      const read = await connection.call<number>('read', (sftp, done) =>
        sftp.read(handle, chunk, 0, length, at, done),
      );
      if (read === 0 || !chunk.subarray(0, read).equals(body.subarray(at, at + read))) return false;
      at += read;
    }
    return true;
  } finally {
    await connection.call('close', (sftp, done) => sftp.close(handle, done));
  }
}

/** Removes a half-done file after a fault, as far as the connection still allows; the next attempt does the rest. */
async function orTidy<T>(upload: Upload, work: () => Promise<T>, path = upload.place.temporary): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!upload.connection.broken) await tidy(upload, [path]).catch(() => undefined);
    throw error;
  }
}

async function tidy({ connection }: Upload, paths: readonly string[]): Promise<void> {
  const removals = paths.map((path) =>
    connection
      .call('remove', (sftp, done) => sftp.unlink(path, done))
      .catch((error: unknown) => {
        if (!(error instanceof StatusFault)) throw error;
      }),
  );
  await Promise.all(removals);
}

const isStatus = (error: unknown, ...statuses: number[]): boolean =>
  error instanceof StatusFault && statuses.includes(error.status);
