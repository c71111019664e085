import { createServer } from 'node:http';

/**
 * A receiver as fast as node's own server goes, in a process of its own: answers 200 to everything and tells its
 * parent how many requests, and how many different deliveries, it has seen.
 */
let count = 0;
const deliveries = new Set<string>();

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    count++;
    const id = request.headers['webhook-id'];
    if (typeof id === 'string') deliveries.add(id);
    response.writeHead(200, { 'content-length': '2' });
    response.end('ok');
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});

setInterval(() => process.send?.({ count, deliveries: deliveries.size }), 20);
process.on('disconnect', () => process.exit(0));
