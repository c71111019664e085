import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { type FastifyInstance } from 'fastify';
import { type ApiReply } from './request';
import { consolePolicy } from './security-headers';

const NOT_BUILT = `<!doctype html><html lang="en"><title>Distributor</title>
<h1>The console is not built</h1>
<p>The service itself runs. Build its console once, in the directory of the service, and reload this page:</p>
<pre>npm run console</pre></html>`;

/**
 * The web console at /console, as `npm run console` built it. Every address below it that is not a file is a page of
 * the console, which finds its own way.
 */
export async function serveConsole(fastify: FastifyInstance, directory: string): Promise<void> {
  await fastify.register(fastifyStatic, {
    root: directory,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    decorateReply: true,
  });
  fastify.get('/console', (_request, reply) => void reply.redirect('/console/', 308));
  fastify.get<{ Params: { '*': string } }>('/console/*', async (request, reply) => {
    const path = request.params['*'];
    if (extname(path) === '') return sendPage(reply, directory);
    // Their names change with what they hold.
    if (path.startsWith('assets/')) void reply.header('cache-control', 'public, max-age=31536000, immutable');
    return reply.sendFile(path);
  });
}

/** Components bring small style sheets of their own; each page lets in those that know its nonce. */
async function sendPage(reply: ApiReply, directory: string): Promise<ApiReply> {
  void reply.type('text/html; charset=utf-8');
  const index = join(directory, 'index.html');
  if (!existsSync(index)) return reply.code(404).send(NOT_BUILT);
  const nonce = randomBytes(16).toString('base64url');
  void reply.header('content-security-policy', consolePolicy(nonce));
  return reply.send((await readFile(index, 'utf8')).replaceAll('%NONCE%', nonce));
}
