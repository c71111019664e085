import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** Says one line to whoever comes; then it ends the connection, or stays and says nothing more. */
export class LineServer {
  /** Resolves when the last connection is gone. */
  gone: Promise<void> = Promise.resolve();

  private constructor(private readonly server: Server) {}

  static async start(line: string, then: 'ends' | 'stays'): Promise<LineServer> {
    const server = createServer();
    const lines = new LineServer(server);
    server.on('connection', (socket: Socket) => {
      lines.gone = new Promise((resolve) => socket.on('error', () => undefined).on('close', () => resolve()));
      socket.resume();
      if (then === 'ends') socket.end(line);
      else socket.write(line);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return lines;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => void this.server.close(() => resolve()));
  }
}
