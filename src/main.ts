import 'reflect-metadata';
import { setFlagsFromString } from 'node:v8';
import { readConfiguration } from './app/configuration';
import { startService } from './app/service';

/** How far the heap may grow before it is collected. By default to a multiple: 350 MB where 210 do (docs/performance.md). */
setFlagsFromString('--heap-growing-percent=60');

/**
 * Starts the service in its role and stops it on SIGTERM or SIGINT; a second signal ends it at once. A signal that
 * comes during the start lets it finish first: killed half-way, it would leave the embedded PostgreSQL running.
 */
async function main(): Promise<void> {
  const starting = startService(readConfiguration(process.env));
  const stop = (signal: NodeJS.Signals): void => {
    process.once(signal, () => process.exit(130));
    starting
      .then((service) => service.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await starting;
}

function fail(error: unknown): void {
  process.stderr.write(`distributor: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
