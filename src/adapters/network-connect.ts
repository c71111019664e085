import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect as netConnect, isIP, type Socket } from 'node:net';
import { connect as tlsConnect, type SecureVersion } from 'node:tls';
import { type Duplex } from 'node:stream';
import { buildConnector } from 'undici';
import { type NetworkGuard, type Resolved } from './network-guard';

/** The TLS half of a configuration, in the words of the configurations; PEM texts, never paths to files. */
export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  passphrase?: string;
  server_name?: string;
  min_version?: 'TLSv1.2' | 'TLSv1.3';
}

/** Why the guard ended a connection attempt. An error only because connectors hand errors on. */
export class NetworkRefusal extends Error {
  readonly code:
    | Extract<Resolved, { ok: false }>['code']
    | 'UND_ERR_CONNECT_TIMEOUT'
    | 'PROXY_AUTHENTICATION_FAILED'
    | 'PROXY_REFUSED'
    | 'PROXY_UNAVAILABLE';

  constructor(code: NetworkRefusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}

interface NodeTls {
  ca?: string;
  cert?: string;
  key?: string;
  passphrase?: string;
  minVersion: SecureVersion;
}

/** The words of the configuration in the words of `node:tls`. A `ca` replaces the machine's own list. */
export function nodeTls(tls: TlsOptions = {}): NodeTls {
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    minVersion: tls.min_version ?? 'TLSv1.2',
  };
}

/** For another host than the one the configuration is about: whom to trust, and nothing of who comes. */
export const trustOnly = ({ ca, min_version }: TlsOptions): TlsOptions => ({
  ...(ca === undefined ? {} : { ca }),
  ...(min_version === undefined ? {} : { min_version }),
});

/** The name for SNI and the certificate check; undefined for an address, whose certificate must name it. */
export function serverName(host: string, tls: TlsOptions = {}): string | undefined {
  if (tls.server_name !== undefined) return tls.server_name;
  return isIP(host.replace(/^\[|\]$/g, '')) === 0 ? host.replace(/\.$/, '') : undefined;
}

/**
 * An undici connector that asks the guard and connects to the address it returns, keeping the name for TLS.
 * `connectTimeoutMs` covers lookup and handshake each; undici's own `connect.lookup` would let literal
 * addresses through unasked.
 */
export function guardedConnector(
  guard: NetworkGuard,
  tls: TlsOptions,
  connectTimeoutMs: number,
): buildConnector.connector {
  const connect = buildConnector({ ...nodeTls(tls), timeout: connectTimeoutMs });
  return (options, callback) => {
    resolveWithin(guard, options.hostname, connectTimeoutMs).then(
      (resolved) => {
        if (!resolved.ok) return callback(refusal(resolved), null);
        const name = serverName(options.hostname, tls);
        try {
          connect(
            { ...options, hostname: resolved.address, ...(name === undefined ? {} : { servername: name }) },
            callback,
          );
        } catch (error) {
          // node:tls throws at once for an unreadable certificate or key.
          callback(error as Error, null);
        }
      },
      (error: Error) => callback(error, null),
    );
  };
}

export const refusal = (resolved: Extract<Resolved, { ok: false }>): NetworkRefusal =>
  new NetworkRefusal(resolved.code, resolved.message);

/** What the guard says of a host; a look-up that takes too long rejects as a time-out. */
export async function resolveWithin(guard: NetworkGuard, host: string, timeoutMs: number): Promise<Resolved> {
  const signal = AbortSignal.timeout(timeoutMs);
  const resolved = await guard.resolve(host, signal);
  if (!resolved.ok && resolved.code === 'NAME_RESOLUTION_FAILED' && signal.aborted) {
    throw new NetworkRefusal(
      'UND_ERR_CONNECT_TIMEOUT',
      `Looking up "${host}" took longer than ${timeoutMs} ms. Check the DNS servers or raise connect_timeout_seconds.`,
    );
  }
  return resolved;
}

/**
 * Connects to a host through the guard, for protocols whose library takes a ready socket. Rejects with
 * `NetworkRefusal` or the socket's own error; the time-out counts until the TCP connection stands.
 */
export async function guardedSocket(
  guard: NetworkGuard,
  target: { host: string; port: number },
  connectTimeoutMs: number,
): Promise<Socket> {
  const resolved = await resolveWithin(guard, target.host, connectTimeoutMs);
  if (!resolved.ok) throw refusal(resolved);
  return new Promise((resolve, reject) => {
    const socket = netConnect({ host: resolved.address, port: target.port });
    const timer = setTimeout(() => {
      socket.destroy(
        new NetworkRefusal('UND_ERR_CONNECT_TIMEOUT', `No connection within ${connectTimeoutMs} ms.`),
      );
    }, connectTimeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** Opens a connection to a host, with whatever checks and detours belong to it. */
export type Dial = (target: { host: string; port: number }) => Promise<Socket>;

/** As `guardedConnector`, over connections that `dial` opens: through a proxy. */
export function dialledConnector(
  dial: Dial,
  tls: TlsOptions,
  connectTimeoutMs: number,
): buildConnector.connector {
  const secure = buildConnector({ ...nodeTls(tls), timeout: connectTimeoutMs });
  return (options, callback) => {
    const isTls = options.protocol === 'https:';
    dial({ host: options.hostname, port: Number(options.port || (isTls ? 443 : 80)) }).then(
      (socket) => {
        if (!isTls) return callback(null, socket.setNoDelay(true));
        const name = serverName(options.hostname, tls);
        try {
          secure(
            { ...options, httpSocket: socket, ...(name === undefined ? {} : { servername: name }) },
            callback,
          );
        } catch (error) {
          socket.destroy();
          callback(error as Error, null);
        }
      },
      (error: Error) => callback(error, null),
    );
  };
}

export interface GuardedAgents {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
  /** Axios would otherwise take a proxy from the environment, and the proxy would connect unguarded. */
  proxy: false;
  maxRedirects: 0;
}

/** What axios needs to stay behind the guard; one connection a request, since nothing hot uses it. */
export function guardedAgents(
  guard: NetworkGuard,
  tls: TlsOptions = {},
  connectTimeoutMs = 10_000,
  dial: Dial = (target) => guardedSocket(guard, target, connectTimeoutMs),
): GuardedAgents {
  const open = async (options: { host?: string; port?: number }, secure: boolean): Promise<Duplex> => {
    const host = options.host ?? '';
    const socket = await dial({ host, port: options.port ?? (secure ? 443 : 80) });
    if (!secure) return socket;
    const name = serverName(host, tls);
    return tlsConnect({ ...nodeTls(tls), socket, host, ...(name === undefined ? {} : { servername: name }) });
  };
  const httpAgent = new HttpAgent({ keepAlive: false });
  const httpsAgent = new HttpsAgent({ keepAlive: false });
  const connectBy =
    (secure: boolean): HttpAgent['createConnection'] =>
    (options, callback) => {
      open(options as { host?: string; port?: number }, secure).then(
        (socket) => callback?.(null, socket),
        (error: Error) => callback?.(error, undefined as unknown as Duplex),
      );
      return undefined;
    };
  httpAgent.createConnection = connectBy(false);
  httpsAgent.createConnection = connectBy(true);
  return { httpAgent, httpsAgent, proxy: false, maxRedirects: 0 };
}
