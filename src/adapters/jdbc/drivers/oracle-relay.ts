import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { NetworkRefusal, nodeTls, serverName } from '../../network-connect';
import { type DriverSettings, openSocket } from './settings';

/** Type of a packet of Oracle's network protocol that sends the client to another address. */
const REDIRECT = 5;

export interface Relay {
  port: number;
  /** Why the relay ended the connection, if it was the relay. */
  fault(): Error | undefined;
  close(): void;
}

/**
 * One connection to an Oracle server for a driver that only connects by itself: it comes to a port of this
 * machine's loopback, and the guard's socket, with TLS where wanted, goes on from there. Answers that send
 * the driver elsewhere end the connection: it would go there unguarded.
 */
export async function openRelay(settings: DriverSettings): Promise<Relay> {
  const upstream = await connectUpstream(settings);
  let fault: Error | undefined;
  const server = createServer({ pauseOnConnect: true }, (driver) => {
    server.close();
    upstream.on('data', (chunk: Buffer) => {
      if (chunk.length > 4 && chunk[4] === REDIRECT && chunk.readUInt16BE(0) <= chunk.length) {
        fault = new NetworkRefusal('NETWORK_FORBIDDEN', 'The server redirects to another address.');
        upstream.destroy(fault);
      } else if (!driver.write(chunk)) upstream.pause();
    });
    join(driver, upstream);
    if (upstream.destroyed) driver.destroy();
  });
  upstream.on('error', (error) => (fault ??= error));
  const port = await listening(server).catch((error: unknown) => {
    upstream.destroy();
    throw error;
  });
  const close = (): void => {
    server.close();
    upstream.destroy();
  };
  return { port, fault: () => fault, close };
}

function join(driver: Socket, upstream: Socket): void {
  driver.on('drain', () => upstream.resume());
  driver.on('error', () => upstream.destroy());
  driver.on('close', () => upstream.destroy());
  upstream.on('close', () => driver.destroy());
  upstream.resume();
  driver.pipe(upstream);
}

async function connectUpstream(settings: DriverSettings): Promise<Socket> {
  const socket = await openSocket(settings);
  const { tls, target } = settings;
  if (tls === undefined) return socket.pause();
  const name = serverName(target.host, tls);
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({
      ...nodeTls(tls),
      socket,
      host: target.host,
      ...(name === undefined ? {} : { servername: name }),
    });
    secure.once('error', reject);
    secure.once('secureConnect', () => {
      secure.off('error', reject);
      resolve(secure.pause());
    });
  });
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', 1, () => resolve((server.address() as AddressInfo).port));
  });
}
