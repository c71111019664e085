import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '../support/temporary-directory';

// Each run starts a PostgreSQL of its own, the first one makes it.
jest.setTimeout(120_000);

const REPOSITORY = join(__dirname, '..', '..');

interface Demo {
  process: ChildProcess;
  /** Everything printed so far. */
  output: () => string;
  prints(text: string): Promise<void>;
  exitCode: Promise<number | null>;
}

let dataDir: string;
let running: Demo[];

beforeAll(async () => {
  dataDir = await temporaryDirectory('demo');
});

afterAll(() => rm(dataDir, { recursive: true, force: true }));

beforeEach(() => {
  running = [];
});

afterEach(async () => {
  for (const { process } of running) process.kill('SIGINT');
  await Promise.all(running.map(({ exitCode }) => exitCode));
});

const start = (...options: string[]): Demo => startWith({ API_PORT: '0' }, ...options);

function startWith(settings: NodeJS.ProcessEnv, ...options: string[]): Demo {
  const child = spawn(process.execPath, ['dist/demo/run.js', ...options], {
    cwd: REPOSITORY,
    env: { ...process.env, DATA_DIR: dataDir, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const collect = (chunk: Buffer): void => {
    printed += chunk.toString('utf8');
    child.emit('printed');
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const exitCode = once(child, 'close').then(([code]) => code as number | null);
  const demo: Demo = {
    process: child,
    output: () => printed,
    exitCode,
    prints: async (text) => {
      const ended = exitCode.then(() => Promise.reject(new Error(`ended without "${text}":\n${printed}`)));
      ended.catch(() => undefined);
      while (!printed.includes(text)) await Promise.race([once(child, 'printed'), ended]);
    },
  };
  running.push(demo);
  return demo;
}

/** The cells of the attempts table, times and durations left out, in the order of the attempts. */
function attemptsOf(output: string, destination: string): string[] {
  const rows = output.split('\n').filter((line) => line.split(/ {2,}/).some((cell) => cell === destination));
  return rows
    .filter((line) => /^ {2}\d\d:/.test(line))
    .map((line) => line.replace(/^ +\S+ +/, '').replace(/ +/g, ' '));
}

describe('the demo', () => {
  it('shows every attempt and the verified callbacks, ends with 0, and does so again on the same data', async () => {
    for (const run of ['first', 'second']) {
      const demo = start('--once');
      const code = await demo.exitCode;
      const output = demo.output();

      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain('Demo: all as expected: 3 jobs, 8 attempts, 3 callbacks verified');
      for (const protocol of ['REST', 'JDBC', 'S3', 'SFTP', 'EMAIL']) {
        expect(output).toMatch(new RegExp(`^  ${protocol} +(request|row|object|file|mail)\\b`, 'm'));
      }
      expect(output).toMatch(/^  AMQP +(message|left out)/m);
      expect(output.includes('initialising PostgreSQL')).toBe(run === 'first');
      expect(attemptsOf(output, 'regional-register')).toEqual([
        expect.stringMatching(/^valdoria 1 regional-register 1 retry 503 \d+ verified in \d\.\d s$/),
        expect.stringMatching(/^valdoria 1 regional-register 2 retry 503 \d+ verified in \d\.\d s$/),
        expect.stringMatching(/^valdoria 1 regional-register 3 delivered 200 \d+ verified$/),
      ]);
      expect(attemptsOf(output, 'court-of-auditors')).toEqual([
        expect.stringMatching(
          /^valdoria 1 court-of-auditors 1 refused 422 \d+ verified none: RECEIVER_REFUSED$/,
        ),
      ]);
      expect(output).toMatch(/callback distribution\.failed, signature verified: yes/);
      expect(output.match(/callback distribution\.completed, signature verified: yes/g)).toHaveLength(2);
      expect(output.match(/asks for job \d of \S+ +404 NOT_FOUND/g)).toHaveLength(2);
      // Not a terminal: nothing to colour.
      expect(output).not.toContain('\u001b');
    }
  });

  it('stays up with commands to go on with, follows what they submit, and stops in order at Ctrl-C', async () => {
    const demo = start();
    await demo.prints('Ctrl-C stops them');
    const [, key, url] =
      /X-API-Key: (zk_\w+)' -H 'Content-Type: \S+ (\S+\/submit) -d/.exec(demo.output()) ?? [];
    const submission = /-d '(\{.*\})'/.exec(demo.output())?.[1] ?? '';

    const answer = await fetch(url ?? '', {
      method: 'POST',
      headers: { 'x-api-key': key ?? '', 'content-type': 'application/json' },
      body: submission,
    });

    expect(answer.status).toBe(202);
    await demo.prints('valdoria    4  = the job               completed\n');
    expect((await stat(join(dataDir, 'demo-keys.json'))).mode & 0o777).toBe(0o600);

    const other = start('--once');
    expect(await other.exitCode).toBe(1);
    expect(other.output()).toMatch(/a demo runs on \S+ already \(pid \d+\)\.\nStop it with Ctrl-C/);
    const squatter = startWith({ API_PORT: new URL(url ?? '').port }, '--once');
    expect(await squatter.exitCode).toBe(1);
    expect(squatter.output()).toContain('is taken by another program. Leave API_PORT unset');
    expect((await fetch(new URL('/health/ready', url))).status).toBe(200);

    demo.process.kill('SIGINT');
    expect(await demo.exitCode).toBe(0);
    await expect(fetch(url ?? '')).rejects.toThrow();
    expect(existsSync(join(dataDir, 'service.lock'))).toBe(false);
  });
});
