import { type IncomingMessage, type Server } from 'node:http';
import { type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type FastifyInstance } from 'fastify';

const LOOK_EVERY_MS = 50;
/** Half a second, on a machine that is not busy. */
const LOOKS_UNTIL_SILENT = 10;
/** Under a load that never lets the queue become empty. */
const MOST_TURNS = 1_000;

/**
 * `forceCloseConnections: 'idle'` looks once, when the stop begins. A connection that was busy at that moment would
 * be kept alive for its next request, and the stop would wait for its time-out, more than a minute. One that has not
 * asked for anything yet, as browsers and probes open them, does not count as idle, and would be waited for as well.
 */
export function closeWhatBecomesIdle(fastify: FastifyInstance): void {
  const { server } = fastify;
  const looksAt = new Map<Socket, number>();
  server.on('connection', (socket: Socket) => {
    looksAt.set(socket, 0);
    socket.once('close', () => looksAt.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage) => looksAt.delete(socket));
  fastify.addHook('preClose', async () => {
    await acceptWhoWaits(server);
    const closing = setInterval(() => {
      server.closeIdleConnections();
      // By looks and not by time: between two of them what has come is read, also after a pause of the process.
      for (const [socket, looks] of looksAt) {
        if (looks === LOOKS_UNTIL_SILENT) socket.destroy();
        else looksAt.set(socket, looks + 1);
      }
    }, LOOK_EVERY_MS);
    server.once('close', () => clearInterval(closing));
  });
}

/**
 * Connections that the kernel has taken and the process has not, perhaps with a request on them, are reset when the
 * server closes. A turn of the event loop takes one.
 */
async function acceptWhoWaits(server: Server): Promise<void> {
  let accepted = true;
  const note = (): boolean => (accepted = true);
  server.on('connection', note);
  for (let turns = 0; accepted && turns < MOST_TURNS; turns++) {
    accepted = false;
    await turn();
    await turn();
  }
  server.off('connection', note);
}
