import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** Runs one of the built commands of `dist/src` to its end. */
export function runCommand(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  const script = join(__dirname, '..', '..', 'dist', 'src', `${name}.js`);
  const environment = { PATH: process.env['PATH'], LOG_LEVEL: 'error', ...env };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env: environment }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}
