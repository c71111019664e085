import 'reflect-metadata';
import { readConfiguration } from './app/configuration';
import { openDatabase } from './app/service';
import { createLogger } from './observability/logger';

/** Brings the database to this version and ends; the same as every start of the service does first. */
async function main(): Promise<void> {
  const configuration = readConfiguration(process.env);
  const log = createLogger(configuration.LOG_LEVEL, configuration.LOG_FORMAT, { role: 'migrate' });
  const database = await openDatabase(configuration, log);
  await database.stop();
  log.info('the database is of this version');
}

main().catch((error: unknown) => {
  process.stderr.write(`distributor: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
