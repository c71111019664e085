import { type Socket } from 'node:net';
import { guardedSocket, NetworkRefusal, type TlsOptions } from '../../network-connect';
import { type NetworkGuard } from '../../network-guard';
import { type JdbcTarget } from '../url';
import { type SqlFault } from './connection';

/** What every driver needs for a session. */
export interface DriverSettings {
  guard: NetworkGuard;
  target: JdbcTarget;
  username: string;
  password: string;
  /** Undefined: not encrypted. */
  tls: TlsOptions | undefined;
  connectTimeoutMs: number;
  /** After which the server itself ends a statement, should this side be unable to. */
  statementTimeoutMs: number;
  /** For the server's list of sessions. */
  applicationName: string;
}

/** Time for ending a session or cancelling a statement politely. */
const FAREWELL_MS = 2000;

export const openSocket = async (settings: DriverSettings): Promise<Socket> => {
  const socket = await guardedSocket(settings.guard, settings.target, settings.connectTimeoutMs);
  socket.setNoDelay(true).setKeepAlive(true, 30_000);
  return socket;
};

/** Opens a socket and logs in on it, within the connect time-out; the socket of a failed login is destroyed. */
export async function logIn<T>(settings: DriverSettings, work: (socket: Socket) => Promise<T>): Promise<T> {
  const started = performance.now();
  const socket = await openSocket(settings);
  const left = Math.max(1, settings.connectTimeoutMs - (performance.now() - started));
  try {
    return await within(left, work(socket), () => {
      return new NetworkRefusal(
        'UND_ERR_CONNECT_TIMEOUT',
        `No session within ${settings.connectTimeoutMs} ms.`,
      );
    });
  } catch (error) {
    // A late error of the socket has nobody left to hear it.
    socket.on('error', () => undefined).destroy();
    throw error;
  }
}

/** Rejects with `late()` when the work takes longer; the work's own end is then nobody's concern. */
export function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Waits for the end of a session, not forever and whatever becomes of it. */
export const farewell = async (work: Promise<unknown>): Promise<void> => {
  await within(FAREWELL_MS, work, () => new Error('late')).catch(() => undefined);
};

/** The code of a network fault; where drivers wrapped one, that of the innermost error. */
export function networkFault(error: unknown): SqlFault {
  const { code, cause, errno } = (error ?? {}) as { code?: unknown; cause?: unknown; errno?: unknown };
  const inner = typeof cause === 'object' && cause !== null ? networkFault(cause).code : undefined;
  const own = typeof code === 'string' ? code : typeof errno === 'number' ? errno : undefined;
  return { state: undefined, code: inner ?? own, answer: undefined, fatal: true };
}
