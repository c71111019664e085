import { type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fastify from 'fastify';
import { closeWhatBecomesIdle } from './closing';

const CALLERS = 20;

/** Connects and asks in a thread of its own, tells when all have asked, and what each was answered in the end. */
const CALLING = `
  const { connect } = require('node:net');
  const { parentPort, workerData: { port, callers, asked } } = require('node:worker_threads');
  const call = () => new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\\r\\nhost: a\\r\\nconnection: close\\r\\n\\r\\n', () => {
        Atomics.add(asked, 0, 1);
        Atomics.notify(asked, 0);
      }));
    socket.on('data', (data) => (answer += data));
    socket.on('error', (error) => (answer = error.code));
    socket.on('close', () => resolve(answer.split('\\r\\n')[0]));
  });
  Promise.all(Array.from({ length: callers }, call)).then((answers) => parentPort.postMessage(answers));
`;

describe('a server that closes', () => {
  it('answers who has asked before, also where the process had no time to accept', async () => {
    const server = fastify({ forceCloseConnections: 'idle', return503OnClosing: false });
    server.get('/', async () => 'done');
    closeWhatBecomesIdle(server);
    await server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.server.address() as AddressInfo;
    const asked = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(CALLING, { eval: true, workerData: { port, callers: CALLERS, asked } });
    const answers = once(worker, 'message');
    const ended = once(worker, 'exit');

    // This thread accepts nothing until the last of them has asked.
    for (let now = 0; now < CALLERS; now = Atomics.load(asked, 0)) Atomics.wait(asked, 0, now);
    await server.close();

    expect(await answers).toEqual([Array.from({ length: CALLERS }, () => 'HTTP/1.1 200 OK')]);
    await ended;
  });
});
