/** What a helper process runs for its parent: something with an address that can be stopped. */
export interface Running {
  url: string;
  stop(): Promise<void>;
}

export type Line = { log: string } | { ready: string } | { refused: string };

/**
 * The main function of a helper process (started by ./helper-process). One JSON line on stdout for each message, then
 * `ready` with the address or `refused` with the reason.
 *
 * It stops what it runs on SIGTERM and when stdin ends, which happens however the parent dies: an interrupted test
 * run leaves no server behind.
 */
export function runForParent(start: (log: (line: string) => void) => Promise<Running>): void {
  const say = (line: Line): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
  const fail = (error: unknown): void => {
    process.exitCode = 1;
    say({ refused: error instanceof Error ? error.message : String(error) });
  };
  // A parent that is gone reads nothing: writing to it must not end us before the server is stopped.
  process.stdout.on('error', () => undefined);
  const starting = start((log) => say({ log }));
  const leave = (): void => {
    starting
      .then((running) => running.stop())
      .catch(fail)
      .finally(() => process.exit());
  };
  process.once('SIGTERM', leave);
  process.stdin.resume().once('end', leave);
  starting.then(
    ({ url }) => say({ ready: url }),
    (error: unknown) => {
      fail(error);
      process.stdin.destroy();
    },
  );
}
