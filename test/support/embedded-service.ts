/**
 * A service that is nothing but its embedded database: `embedded-service.ts <dataDir> [--temporary]`.
 * A temporary data directory is removed when the database has stopped.
 */
import { rm } from 'node:fs/promises';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres';
import { runForParent } from './parent-bound';

const [dataDir = '', flag] = process.argv.slice(2);

async function removeTemporary(): Promise<void> {
  if (flag === '--temporary') await rm(dataDir, { recursive: true, force: true });
}

runForParent(async (log) => {
  try {
    const database = await startEmbeddedPostgres({ dataDir, log });
    return { url: database.ownerUrl, stop: () => database.stop().then(removeTemporary) };
  } catch (error) {
    await removeTemporary();
    throw error;
  }
});
