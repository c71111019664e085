import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../../test/support/temporary-directory';

const run = promisify(execFile);
const CLIENT = join(__dirname, '..');
const MODULES = join(CLIENT, '..', 'node_modules');
const TYPESCRIPT = createRequire(__filename).resolve('typescript/bin/tsc');

const USE = `
const client = new DistributorClient({ baseUrl: 'https://example.org', apiKey: 'zk_1' });
const verdict = (() => { try { verifyCallback({}, '', 'whsec_c2VjcmV0'); return 'genuine'; } catch (error) { return error; } })();
console.log(typeof client.submit, verdict instanceof SignatureError, verdict.reason);
`;

describe('the package, as npm packs it', () => {
  let directory: string;
  let files: string[];

  beforeAll(async () => {
    directory = await temporaryDirectory('client');
    const options = { cwd: CLIENT, env: { ...process.env, npm_config_cache: join(directory, 'cache') } };
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], options);
    const packed = JSON.parse(stdout.slice(stdout.indexOf('['))) as { files: { path: string }[] }[];
    files = packed.flatMap((one) => one.files.map(({ path }) => path));
    const [tarball] = (await readdir(directory)).filter((name) => name.endsWith('.tgz'));
    const installed = join(directory, 'node_modules', 'distributor-client');
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', join(directory, tarball ?? ''), '--strip-components=1', '-C', installed]);
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('holds what is used and no source, test or script', () => {
    expect(files).toContain('README.md');
    expect(files.filter((path) => !/^dist\/(esm|cjs)\/|^(package\.json|README\.md)$/.test(path))).toEqual([]);
  });

  it.each([
    [
      'import',
      'use.mjs',
      `import { DistributorClient, SignatureError, verifyCallback } from 'distributor-client';`,
    ],
    [
      'require',
      'use.cjs',
      `const { DistributorClient, SignatureError, verifyCallback } = require('distributor-client');`,
    ],
  ])('works by %s', async (_way, file, line) => {
    await writeFile(join(directory, file), line + USE);
    const { stdout } = await run(process.execPath, [file], { cwd: directory });
    expect(stdout.trim()).toBe('function true header_missing');
  });

  /** Every example of the README, one after the other. */
  async function examples(): Promise<string> {
    const page = await readFile(join(CLIENT, 'README.md'), 'utf8');
    const blocks = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code);
    const given = `import { type Submission } from 'distributor-client';
      declare const first: Submission, second: Submission, rows: AsyncIterable<Submission>;\n`;
    return given + blocks.join('\n');
  }

  it('is typed for both, under the strictest settings, and so are the examples of its README', async () => {
    const source = `
import { DistributorClient, type JobStatus, type Callback, CallbackInbox } from 'distributor-client';
interface Invoice { total: number }
const invoice: Invoice = { total: 1 };
export async function submit(client: DistributorClient): Promise<JobStatus['destinations'][number]['status']> {
  const { distribution_id } = await client.submit({ data_type: 'invoice', payload: invoice, destinations: ['a'] });
  const { destinations: [first] } = await client.waitFor(distribution_id, { callbacks: new CallbackInbox('whsec_x') });
  return first?.status ?? 'pending';
}
export const subject = (callback: Callback): string =>
  callback.event_type === 'batch.completed' ? callback.batch_id : callback.distribution_id;
// @ts-expect-error a payload is required
export const wrong = (client: DistributorClient) => client.submit({ data_type: 'invoice' });
`;
    for (const name of ['typed.mts', 'typed.cts']) await writeFile(join(directory, name), source);
    const compilerOptions = {
      target: 'es2022',
      module: 'node16',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: false,
      skipLibCheck: true,
      noEmit: true,
      lib: ['es2022'],
      types: ['node'],
      typeRoots: [join(MODULES, '@types')],
    };
    await writeFile(join(directory, 'readme.mts'), await examples());
    const config = { compilerOptions, files: ['typed.mts', 'typed.cts', 'readme.mts'] };
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = await run(process.execPath, [TYPESCRIPT, '-p', directory]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });
});
