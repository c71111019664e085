import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Line, type Running } from './parent-bound';

const REPOSITORY = join(__dirname, '..', '..');

export interface HelperProcess extends Running {
  pid: number;
  /** Its progress messages up to `ready`. */
  logs: string[];
  /** SIGKILL to its whole process group, as a crash or the kernel's out-of-memory killer would; returns when dead. */
  kill(): Promise<void>;
}

/**
 * Starts `test/support/<script>` in a process of its own and returns when it is ready.
 * Throws the reason when it refuses or dies. `stop` is idempotent; should this process die first, the helper notices
 * and stops by itself.
 */
export async function startHelper(script: string, ...args: string[]): Promise<HelperProcess> {
  const child = spawn(
    process.execPath,
    ['-r', '@swc-node/register', join(REPOSITORY, 'test', 'support', script), ...args],
    // In a group of its own, so that Ctrl-C in the terminal lets it stop its server first.
    { cwd: REPOSITORY, detached: true, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const { url, logs } = await readiness(child);
  const pid = child.pid ?? 0;
  return {
    url,
    logs,
    pid,
    kill: async () => {
      process.kill(-pid, 'SIGKILL');
      await exited;
    },
    stop: async () => {
      child.stdin?.end();
      await exited;
    },
  };
}

function readiness(child: ChildProcess): Promise<{ url: string; logs: string[] }> {
  const logs: string[] = [];
  return new Promise((resolve, reject) => {
    if (!child.stdout) throw new Error('a helper process has a stdout');
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (text) => {
      const line = JSON.parse(text) as Line;
      if ('log' in line) logs.push(line.log);
      else if ('ready' in line) resolve({ url: line.ready, logs });
      else reject(new Error(line.refused));
    });
    child.once('error', reject);
    // After the last line was read; without effect when the process became ready before.
    child.once('close', (code) =>
      reject(new Error(`helper process ended with code ${code}: ${logs.join('; ')}`)),
    );
  });
}
