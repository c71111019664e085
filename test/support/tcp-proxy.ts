import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A wire between two processes that a test can cut and mend. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  /** Answers of the target for which this is true are lost, and the connection with them. */
  loses: (answer: Buffer) => boolean = () => false;
  /** As long as it is true answers vanish, and connections stay. */
  isSilent = false;
  port = 0;

  private constructor(
    private target: { host: string; port: number },
    private readonly address: string,
  ) {}

  static async to(host: string, port: number, address = '127.0.0.1'): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host, port }, address);
    await proxy.mend();
    return proxy;
  }

  /** For connections from now on. */
  lead(host: string, port: number): void {
    this.target = { host, port };
  }

  /** Everything that goes through breaks, and nobody gets through any more. */
  async cut(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.server?.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    this.server = createServer((incoming) => {
      const outgoing = connect(this.target);
      for (const socket of [incoming, outgoing]) {
        this.sockets.add(socket);
        socket.on('error', () => undefined);
        socket.once('close', () => {
          this.sockets.delete(socket);
          incoming.destroy();
          outgoing.destroy();
        });
      }
      incoming.pipe(outgoing);
      outgoing.on('data', (answer: Buffer) => {
        if (this.isSilent) return;
        if (this.loses(answer)) outgoing.destroy();
        else if (!incoming.write(answer)) outgoing.pause();
      });
      incoming.on('drain', () => outgoing.resume());
      outgoing.on('end', () => incoming.end());
    });
    await new Promise<void>((resolve) => void this.server?.listen(this.port, this.address, resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }
}
