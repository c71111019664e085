import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import { type Identity } from './certificates';

/** PostgreSQL's question whether the server speaks TLS: length 8, code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Stands before a real database, so that a test can see, hold and cut its connections. With a certificate it
 * speaks TLS in PostgreSQL's way, which saves the server from being set up for it.
 */
export class DatabaseProxy {
  port = 0;
  connections = 0;
  /** Statements that write are kept back: the database never answers. */
  holds = false;
  private server: Server | undefined;
  private readonly sockets = new Set<Duplex>();
  private waiting: (() => void)[] = [];

  constructor(
    private readonly upstream: { host: string; port: number },
    private readonly identity: Identity | undefined,
  ) {}

  async start(): Promise<void> {
    this.server = createServer((socket) => this.take(socket));
    await new Promise<void>((resolve) => void this.server?.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Cuts every connection and refuses new ones; `start` returns on the same port. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.server?.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Resolves with the next statement that writes. */
  writing(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private take(socket: Socket): void {
    this.connections++;
    socket.setNoDelay(true);
    this.remember(socket);
    if (this.identity === undefined) return this.join(socket);
    socket.once('data', (first: Buffer) => {
      if (first.equals(SSL_REQUEST)) return this.secure(socket);
      socket.unshift(first);
      this.join(socket);
    });
  }

  private secure(socket: Socket): void {
    const secureContext = createSecureContext({ ...this.identity });
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    this.remember(secured);
    secured.once('secure', () => this.join(secured));
    socket.write('S');
  }

  private join(client: Duplex): void {
    const server = connect(this.upstream).setNoDelay(true);
    this.remember(server);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    server.pipe(client);
    client.on('data', (chunk: Buffer) => {
      if (chunk.includes('INSERT INTO')) {
        for (const resolve of this.waiting.splice(0)) resolve();
        if (this.holds) return;
      }
      if (!server.write(chunk)) client.pause();
    });
    server.on('drain', () => client.resume());
  }

  private remember(socket: Duplex): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
