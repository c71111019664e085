import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { SCHEDULED } from './load';

/** What answers of `/slow-…` wait. */
const SLOW_MS = 50;

/**
 * A receiver as fast as node's own server goes, in a process of its own: answers 200 to everything (never to
 * `/hang`, after 50 ms to `/slow-…`) and tells its parent how many requests, and how many different deliveries, it has seen. When asked it
 * hands over, for each path, how long after their scheduled time the submissions that carry one arrived.
 */
let count = 0;
const deliveries = new Set<string>();
let latencies: Record<string, number[]> = {};

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => receive(request, response));
});

function receive(request: IncomingMessage, response: ServerResponse): void {
  // A health check of the destination, which is no delivery.
  if (request.method === 'HEAD') return void response.end();
  count++;
  note(request.url ?? '/', request.headers);
  if (request.url === '/hang') return;
  if (request.url?.startsWith('/slow-') === true) setTimeout(() => answer(response), SLOW_MS);
  else answer(response);
}

function answer(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '2' });
  response.end('ok');
}

function note(path: string, headers: IncomingHttpHeaders): void {
  const id = headers['webhook-id'];
  if (typeof id === 'string') deliveries.add(id);
  const scheduled = headers['x-correlation-id'];
  if (typeof scheduled !== 'string' || !scheduled.startsWith(SCHEDULED)) return;
  const waited = performance.timeOrigin + performance.now() - Number(scheduled.slice(SCHEDULED.length));
  (latencies[path] ??= []).push(waited);
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});

process.on('message', () => {
  process.send?.({ latencies });
  latencies = {};
});
setInterval(() => process.send?.({ count, deliveries: deliveries.size }), 20);
process.on('disconnect', () => process.exit(0));
