/**
 * A service that is nothing but its embedded database: `embedded-service.ts <dataDir> [--temporary]`.
 * A temporary data directory is removed when the database has stopped.
 */
import { rm } from 'node:fs/promises';
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres';
import { runForParent } from './parent-bound';

const [dataDir = '', flag] = process.argv.slice(2);

runForParent(async (log) => {
  const database = await startEmbeddedPostgres({ dataDir, log });
  return {
    url: database.ownerUrl,
    stop: async () => {
      await database.stop();
      if (flag === '--temporary') await rm(dataDir, { recursive: true, force: true });
    },
  };
});
