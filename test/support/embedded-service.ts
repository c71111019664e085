/**
 * A service that is nothing but its embedded database: `node -r @swc-node/register embedded-service.ts <dataDir>`.
 * Prints one JSON line for every progress message ({log}), then {ready: ownerUrl} or {refused: message}; stops the
 * database on SIGTERM, or when its parent goes away (end of stdin) and `--with-parent` is given.
 */
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres';

const say = (line: Record<string, string>): void => console.log(JSON.stringify(line));

async function main(dataDir: string, withParent: boolean): Promise<void> {
  const database = await startEmbeddedPostgres({ dataDir, log: (log) => say({ log }) });
  const leave = (): void => {
    void database.stop().then(
      () => process.exit(0),
      (error: Error) => {
        say({ refused: error.message });
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', leave);
  // Keeps the process alive either way.
  process.stdin.resume();
  if (withParent) process.stdin.once('end', leave);
  say({ ready: database.ownerUrl });
}

main(process.argv[2] ?? '', process.argv.includes('--with-parent')).catch((error: Error) => {
  say({ refused: error.message });
  process.exit(1);
});
