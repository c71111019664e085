import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Duplex } from 'node:stream';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { guardedSocket, NetworkRefusal, nodeTls, serverName, type TlsOptions } from '../network-connect';
import { type NetworkGuard } from '../network-guard';

/** What a pool of connections is made from. */
export interface AgentsOptions {
  guard: NetworkGuard;
  tls: TlsOptions;
  connectTimeoutMs: number;
  /** Connections at the same time. */
  connections: number;
}

interface Target {
  host?: string;
  port?: number | string;
}

/**
 * Kept connections behind the network guard, for a library that takes Node's agents. Instances and not
 * options: given options, the SDK would make agents of its own for some requests, and those connect unguarded.
 */
export class GuardedS3Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
  private readonly handshakes = new Set<TLSSocket>();
  private readonly open = new Set<Duplex>();
  private closed = false;

  constructor(private readonly options: AgentsOptions) {
    const kept = { keepAlive: true, maxSockets: options.connections, maxFreeSockets: options.connections };
    this.httpAgent = new HttpAgent(kept);
    this.httpsAgent = new HttpsAgent(kept);
    this.httpAgent.createConnection = this.connectBy(false);
    this.httpsAgent.createConnection = this.connectBy(true);
  }

  /** Whether any connection stands: bytes of a request that failed may have left. */
  get connected(): boolean {
    return this.open.size > 0;
  }

  close(): void {
    this.closed = true;
    this.httpAgent.destroy();
    this.httpsAgent.destroy();
    for (const socket of [...this.handshakes, ...this.open]) socket.destroy();
  }

  private connectBy(secure: boolean): HttpAgent['createConnection'] {
    return (options, callback) => {
      this.connect(options as Target, secure).then(
        (socket) => callback?.(null, socket),
        (error: unknown) => callback?.(connectError(error), undefined as unknown as Duplex),
      );
      return undefined;
    };
  }

  private async connect(target: Target, secure: boolean): Promise<Duplex> {
    const host = target.host ?? '';
    const port = Number(target.port ?? (secure ? 443 : 80));
    const socket = await guardedSocket(this.options.guard, { host, port }, this.options.connectTimeoutMs);
    if (this.closed) {
      socket.destroy();
      throw new Error('The destination was closed');
    }
    socket.setNoDelay(true);
    const opened = secure ? await this.secured(socket, host) : socket;
    this.open.add(opened);
    opened.once('close', () => this.open.delete(opened));
    return opened;
  }

  /** The handshake has a time-out of its own: a server may take the connection and never say a word. */
  private secured(socket: Duplex, host: string): Promise<TLSSocket> {
    const { tls, connectTimeoutMs } = this.options;
    const name = serverName(host, tls);
    return new Promise((resolve, reject) => {
      const secured = tlsConnect({
        ...nodeTls(tls),
        socket,
        host,
        ...(name === undefined ? {} : { servername: name }),
      });
      this.handshakes.add(secured);
      const timer = setTimeout(
        () =>
          secured.destroy(
            new NetworkRefusal('UND_ERR_CONNECT_TIMEOUT', `No connection within ${connectTimeoutMs} ms.`),
          ),
        connectTimeoutMs,
      );
      const settled = (): void => {
        clearTimeout(timer);
        this.handshakes.delete(secured);
        secured.removeListener('error', reject);
      };
      secured.once('error', reject);
      secured.once('close', () => {
        settled();
        reject(new Error('The connection was closed during the handshake'));
      });
      secured.once('secureConnect', () => {
        settled();
        resolve(secured);
      });
    });
  }
}

/** The SDK keeps only what is an `Error` of this very realm, and would lose the code of any other. */
function connectError(cause: unknown): Error {
  const { message, code } = cause as { message?: unknown; code?: unknown };
  return Object.assign(new Error(String(message), { cause }), typeof code === 'string' ? { code } : {});
}
