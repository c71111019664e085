import { DataSource } from 'typeorm';
import { type SessionUrls } from '../database/roles';
import { SystemTransaction } from '../database/system-transaction';
import { createLogger } from '../observability/logger';
import { type Configuration, readConfiguration } from './configuration';
import { sourceOptions } from './database.module';
import { openDatabase } from './service';

export interface CommandSurroundings {
  configuration: Configuration;
  ownerUrl: string;
  sessions: SessionUrls;
  system: SystemTransaction;
}

/**
 * Runs an operator's command on the database of the environment, beside running processes, and ends the process:
 * 0 where `work` says so, 1 where it does not or fails.
 */
export function runCommand(name: string, work: (around: CommandSurroundings) => Promise<boolean>): void {
  onDatabase(name, work)
    .then((good) => process.exit(good ? 0 : 1))
    .catch((error: unknown) => {
      process.stderr.write(`distributor: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    });
}

async function onDatabase(
  name: string,
  work: (around: CommandSurroundings) => Promise<boolean>,
): Promise<boolean> {
  const configuration = readConfiguration(process.env);
  const log = createLogger(configuration.LOG_LEVEL, configuration.LOG_FORMAT, { role: name });
  const database = await openDatabase(configuration, log);
  const source = new DataSource(sourceOptions(name, database.sessions.system, 2));
  try {
    await source.initialize();
    const { ownerUrl, sessions } = database;
    return await work({ configuration, ownerUrl, sessions, system: new SystemTransaction(source) });
  } finally {
    if (source.isInitialized) await source.destroy();
    await database.stop();
  }
}
