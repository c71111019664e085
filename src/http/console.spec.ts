import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import createFastify, { type FastifyInstance } from 'fastify';
import { serveConsole } from './console';

let directory: string;
let fastify: FastifyInstance;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'console-'));
  await mkdir(join(directory, 'dist', 'assets'), { recursive: true });
  fastify = createFastify();
  await serveConsole(fastify, join(directory, 'dist'));
});

afterEach(async () => {
  await fastify.close();
  await rm(directory, { recursive: true });
});

const get = (url: string) => fastify.inject({ url });
const write = (path: string, text: string) => writeFile(join(directory, path), text);

it('names the command where the console is not built', async () => {
  const answer = await get('/console/');
  expect(answer.statusCode).toBe(404);
  expect(answer.body).toContain('npm run console');
});

it('answers every page with the same document, and lets in the styles of its nonce alone', async () => {
  await write('dist/index.html', '<meta name="nonce" content="%NONCE%">');
  const [first, second] = [await get('/console/'), await get('/console/distributions/a-b')];
  const nonce = /content="([\w-]{22})"/.exec(first.body)?.[1];
  expect(first.headers['content-security-policy']).toContain(`style-src 'self' 'nonce-${nonce}'`);
  expect(first.headers['content-security-policy']).toContain("script-src 'self';");
  expect(second.statusCode).toBe(200);
  expect(second.body).not.toBe(first.body);
});

it('lets browsers keep files whose names change with their content', async () => {
  await write('dist/assets/index-abc.js', 'let a;');
  const answer = await get('/console/assets/index-abc.js');
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': expect.stringContaining('javascript') as unknown,
  });
});

it.each(['/console/assets/none.js', '/console/..%2fsecret.txt', '/console/%2e%2e/secret.txt'])(
  'has nothing at %s',
  async (path) => {
    await write('secret.txt', 'the content');
    await write('dist/index.html', 'page');
    const answer = await get(path);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain('the content');
  },
);
