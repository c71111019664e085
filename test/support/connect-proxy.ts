import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** An HTTP proxy that opens tunnels by CONNECT, and keeps who asked for what. */
export class ConnectProxy {
  /** Authorities of the CONNECT requests, oldest first. */
  readonly asked: string[] = [];
  readonly credentials: (string | undefined)[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  /** The answer to the next requests: 200 opens the tunnel, 0 never answers. */
  status = 200;

  private constructor(tls: { cert: string; key: string } | undefined) {
    this.server = tls === undefined ? createServer() : createSecureServer(tls);
    this.server.on('connect', (request, socket: Socket) => this.onConnect(request, socket));
    this.server.on('connection', (socket) => this.remember(socket));
  }

  /** With a certificate, the proxy itself is reached by TLS. */
  static async start(tls?: { cert: string; key: string }): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(tls);
    await new Promise<void>((resolve) => void proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that stand, on both sides. */
  get open(): number {
    return this.sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }

  private onConnect(request: IncomingMessage, socket: Socket): void {
    this.asked.push(request.url ?? '');
    this.credentials.push(request.headers['proxy-authorization']);
    if (this.status === 0) return;
    if (this.status !== 200) {
      socket.end(`HTTP/1.1 ${this.status} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const outgoing = connect({ host: hostname, port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(outgoing).pipe(socket);
    });
    this.remember(outgoing);
    for (const one of [socket, outgoing]) {
      one.on('close', () => {
        socket.destroy();
        outgoing.destroy();
      });
    }
  }

  private remember(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
