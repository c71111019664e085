import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(__dirname, '..', '..', '..');

export interface BenchServer {
  /** What it says about itself when it is ready. */
  url: string;
  stop(): Promise<void>;
}

/** A script of this folder in a process of its own, so that it does not share the client's processor time. */
export async function startServer(script: string, ...args: string[]): Promise<BenchServer> {
  const child = fork(join(__dirname, script), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ url }] = (await Promise.race([once(child, 'message'), died(child, script)])) as [{ url: string }];
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
  };
  return { url, stop };
}

/** A server that the tests know how to start (test/support); rejects with the way to get it. */
export async function startTestServer(script: string, ...args: string[]): Promise<BenchServer> {
  const path = join(ROOT, 'test', 'support', script);
  const child = spawn(process.execPath, ['-r', '@swc-node/register', path, ...args], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { ready?: string; refused?: string };
      if (line.ready !== undefined) resolve(line.ready);
      if (line.refused !== undefined) reject(new Error(line.refused));
    });
  });
  const url = await Promise.race([ready, died(child, script)]);
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.stdin.end();
    await exited;
  };
  return { url, stop };
}

function died(child: ChildProcess, script: string): Promise<never> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${script} ended with ${String(code)} before it was ready`);
  });
  ended.catch(() => undefined);
  return ended;
}
