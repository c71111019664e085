import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Image, messageOf, startContainer } from './container';
import { startHelper } from './helper-process';
import { type Running } from './parent-bound';

/**
 * Servers that only some tests want and that take long to start: Jest's main process starts one when the first test
 * asks for it, all test files use that one, and the end of the run stops it.
 */
const RABBITMQ: Image = {
  name: 'rabbitmq:3.13-alpine',
  port: 5672,
  environment: {},
  ready: [/Server startup complete/, 1],
};

const MARIADB: Image = {
  name: 'mariadb:11',
  port: 3306,
  environment: { MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: '1' },
  // The image starts its server twice, the first time for its own set-up.
  ready: [/ready for connections/, 2],
};

const STARTERS: Record<string, () => Promise<Running>> = {
  rabbitmq: () =>
    firstOf([
      ['Docker', () => startContainer(RABBITMQ, (address) => `amqp://guest:guest@${address}`)],
      ['Debian package', () => startHelper('rabbitmq-service.ts')],
    ]),
  mariadb: () =>
    firstOf([
      ['Docker', () => startContainer(MARIADB, (address) => `mysql://root@${address}`)],
      ['Debian package', () => startHelper('mariadb-service.ts')],
    ]),
};

/** Answers the requests of `sharedServer`; `url` is for the environment of the workers. */
export async function offerSharedServers(): Promise<Running> {
  const started = new Map<string, Promise<Running>>();
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice(1);
    const starting =
      started.get(name) ?? STARTERS[name]?.() ?? Promise.reject(new Error(`unknown server "${name}"`));
    started.set(name, starting);
    starting.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(messageOf(error)),
    );
  });
  const url = await listening(server);
  const stop = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    const stopped = [...started.values()].map((starting) =>
      starting.then(
        (running) => running.stop(),
        () => 'never started, nothing to stop',
      ),
    );
    await Promise.all(stopped);
  };
  return { url, stop };
}

/** The address of a server by its name in STARTERS, from a test. Throws why there is none. */
export async function sharedServer(name: string): Promise<string> {
  const offered = process.env.TEST_SERVERS_URL;
  if (!offered)
    throw new Error('TEST_SERVERS_URL is not set: this test needs the globalSetup of jest.config.js');
  const response = await fetch(new URL(name, offered));
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/** What the first attempt that succeeds returns; throws all reasons when none does. */
export async function firstOf(attempts: [string, () => Promise<Running>][]): Promise<Running> {
  const reasons: string[] = [];
  for (const [name, attempt] of attempts) {
    try {
      return await attempt();
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new Error(reasons.join('\n  '));
}

function listening(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    );
  });
}
