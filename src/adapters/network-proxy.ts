import { request } from 'node:http';
import { type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { type NetworkGuard } from './network-guard';
import {
  guardedSocket,
  NetworkRefusal,
  nodeTls,
  refusal,
  resolveWithin,
  serverName,
  type TlsOptions,
} from './network-connect';

/** A proxy that a configuration names; the environment's `HTTP_PROXY` and the like are never read. */
export interface ProxyOptions {
  /** `http://` or `https://`, host and port. */
  url: string;
  username?: string;
  password?: string;
  /** Whom to trust where the proxy itself is reached by TLS. */
  tls: TlsOptions;
}

/**
 * A socket to the target through the proxy's CONNECT. Both go through the guard, and the proxy is given the
 * address that was checked, never the name: it would look it up again, in a network that may see others.
 * Rejects with `NetworkRefusal` or a socket's own error.
 */
export async function tunnelledSocket(
  guard: NetworkGuard,
  proxy: ProxyOptions,
  target: { host: string; port: number },
  connectTimeoutMs: number,
): Promise<Socket> {
  const resolved = await resolveWithin(guard, target.host, connectTimeoutMs);
  if (!resolved.ok) throw refusal(resolved);
  const url = new URL(proxy.url);
  const secure = url.protocol === 'https:';
  const port = Number(url.port === '' ? (secure ? 443 : 80) : url.port);
  const socket = await guardedSocket(guard, { host: url.hostname, port }, connectTimeoutMs);
  const name = serverName(url.hostname);
  const carrier = secure
    ? tlsConnect({
        ...nodeTls(proxy.tls),
        socket,
        host: url.hostname,
        ...(name === undefined ? {} : { servername: name }),
      })
    : socket;
  const address = resolved.family === 6 ? `[${resolved.address}]` : resolved.address;
  return tunnelOver(carrier, `${address}:${target.port}`, proxy, connectTimeoutMs);
}

function tunnelOver(
  carrier: Socket,
  authority: string,
  { username, password = '' }: ProxyOptions,
  timeoutMs: number,
): Promise<Socket> {
  const credentials = Buffer.from(`${username}:${password}`).toString('base64');
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        ...(username === undefined ? {} : { 'proxy-authorization': `Basic ${credentials}` }),
      },
      createConnection: () => carrier,
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      carrier.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new NetworkRefusal('UND_ERR_CONNECT_TIMEOUT', `No tunnel within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    asked.on('error', fail);
    asked.on('connect', (answer, socket: Socket, head: Buffer) => {
      clearTimeout(timer);
      const { statusCode = 0 } = answer;
      // Bytes before the first request would be nobody's answer.
      if (statusCode !== 200 || head.length > 0) return fail(refusedBy(statusCode));
      resolve(socket);
    });
    asked.end();
  });
}

function refusedBy(status: number): NetworkRefusal {
  if (status === 407) {
    const message = 'The proxy answered 407: check proxy_credentials, then replay.';
    return new NetworkRefusal('PROXY_AUTHENTICATION_FAILED', message);
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    const message = `The proxy answered ${status}: have its operator allow the receiver's address and port, then replay.`;
    return new NetworkRefusal('PROXY_REFUSED', message);
  }
  const message = `The proxy answered ${status} instead of opening a way to the receiver.`;
  return new NetworkRefusal('PROXY_UNAVAILABLE', message);
}
