import { createHash } from 'node:crypto';
import { type Socket } from 'node:net';
import SftpClient from 'ssh2-sftp-client';
import { endedBy } from '../ended-by';
import { guardedSocket } from '../network-connect';
import { type NetworkGuard } from '../network-guard';
import { connectTimeoutMs, plain, type SecretValue } from '../schema-parts';
import { ConnectionFault, HostKeyFault, STATUS, StatusFault } from './classify';
import { ANY_HOST_KEY, type SftpConfiguration } from './schema';

/** The requests of the SFTP protocol, as ssh2 offers them. */
export type Requests = Awaited<ReturnType<SftpClient['connect']>>;

type Done<T> = (error?: Error | null, value?: T) => void;

/** A connection that is silent for three of these is given up: firewalls forget idle ones without a word. */
const KEEP_ALIVE_MS = 20_000;
const GOODBYE_MS = 500;

/** `SHA256:…` as `ssh-keygen -lf` prints it. */
const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** One authenticated connection with its SFTP channel. */
export class Connection {
  private readonly pending = new Set<(error: Error) => void>();
  private fault: ConnectionFault | undefined;

  private constructor(
    private readonly client: SftpClient,
    private readonly socket: Socket,
    private readonly requests: Requests,
  ) {
    const lost = (): void =>
      this.lose(new ConnectionFault('The connection was closed by the server', undefined));
    client.on('error', (error: Error) => this.lose(new ConnectionFault(error.message, undefined, error)));
    client.on('end', lost);
    client.on('close', lost);
    // The channel may end without the connection, e.g. when the server's subsystem dies.
    requests.on('close', lost);
    // Packets that break the protocol.
    requests.on('error', (error: Error) => this.lose(new ConnectionFault(error.message, undefined, error)));
    if (socket.destroyed) lost();
  }

  /** Rejects with NetworkRefusal, ConnectionFault, HostKeyFault or `endedBy(signal)`. */
  static async open(
    guard: NetworkGuard,
    configuration: SftpConfiguration,
    signal: AbortSignal,
  ): Promise<Connection> {
    const timeoutMs = connectTimeoutMs(configuration);
    const target = { host: configuration.host, port: configuration.port ?? 22 };
    const socket = await socketUntil(guardedSocket(guard, target, timeoutMs), signal);
    const stop = (): void => void socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) throw endedBy(signal);
      return await Connection.greet(socket, configuration, timeoutMs);
    } catch (error) {
      socket.destroy();
      throw signal.aborted ? endedBy(signal) : error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  private static async greet(
    socket: Socket,
    configuration: SftpConfiguration,
    timeoutMs: number,
  ): Promise<Connection> {
    const client = new SftpClient('sftp', { error: ignore, end: ignore, close: ignore });
    // The client library drops the stage from the errors that it hands on.
    let cause: (Error & { level?: string }) | undefined;
    let shown: string | undefined;
    client.on('error', (error: Error) => (cause ??= error));
    answerQuestions(client, configuration.credentials.password);
    try {
      const requests = await client.connect({
        ...login(configuration),
        sock: socket,
        readyTimeout: timeoutMs,
        keepaliveInterval: KEEP_ALIVE_MS,
        hostVerifier: (key: Buffer) => {
          shown = fingerprint(key);
          if (isPinned(shown, configuration.host_key)) shown = undefined;
          return shown === undefined;
        },
      });
      return new Connection(client, socket, requests);
    } catch (error) {
      if (shown !== undefined) throw new HostKeyFault(shown);
      throw connectFault(cause ?? (error as Error));
    }
  }

  /** Whether it can take no more requests. */
  get broken(): boolean {
    return this.fault !== undefined;
  }

  /** One request. Rejects with StatusFault, or with ConnectionFault as soon as the connection breaks. */
  call<T = void>(operation: string, run: (requests: Requests, done: Done<T>) => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.fault !== undefined) return reject(this.fault);
      this.pending.add(reject);
      const done: Done<T> = (error, value) => {
        this.pending.delete(reject);
        if (error === undefined || error === null) return resolve(value as T);
        reject(this.fault ?? requestFault(operation, error));
      };
      try {
        run(this.requests, done);
      } catch (error) {
        // ssh2 throws for an extension that the server does not announce.
        done(Object.assign(new Error((error as Error).message), { code: STATUS.unsupported }));
      }
    });
  }

  /** At once; requests under way are rejected. */
  destroy(): void {
    this.lose(new ConnectionFault('The connection was ended', undefined));
    this.socket.destroy();
  }

  /** Takes leave of the server; returns when the socket is closed. */
  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    const closed = new Promise<void>((resolve) => void this.socket.once('close', () => resolve()));
    const timer = setTimeout(() => this.socket.destroy(), GOODBYE_MS);
    this.client.end().catch(ignore);
    await closed;
    clearTimeout(timer);
    this.destroy();
  }

  private lose(fault: ConnectionFault): void {
    this.fault ??= fault;
    for (const reject of this.pending) reject(this.fault);
    this.pending.clear();
  }
}

const ignore = (): void => undefined;

/** A socket that comes after the signal is closed. */
function socketUntil(opening: Promise<Socket>, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      opening.then((socket) => socket.destroy(), ignore);
      reject(endedBy(signal));
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    opening.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

const isPinned = (shown: string, pinned: string | string[]): boolean =>
  [pinned].flat().some((one) => one === ANY_HOST_KEY || one.replace(/=+$/, '') === shown);

/** The identity in ssh2's words; throws for a reference that was not resolved. */
export function login(configuration: SftpConfiguration) {
  const { username, password, private_key, passphrase } = configuration.credentials;
  const algorithms = configuration.host_key_algorithms as 'ssh-ed25519'[] | undefined;
  return {
    username,
    ...(password === undefined ? {} : { password: plain(password), tryKeyboard: true }),
    ...(private_key === undefined ? {} : { privateKey: plain(private_key) }),
    ...(passphrase === undefined ? {} : { passphrase: plain(passphrase) }),
    ...(algorithms === undefined ? {} : { algorithms: { serverHostKey: algorithms } }),
  };
}

type Answer = (answers: string[]) => void;

/** Many servers ask for the password in this way only. It is told once, to a single hidden question. */
function answerQuestions(client: SftpClient, password: SecretValue | undefined): void {
  let told = false;
  client.on(
    'keyboard-interactive',
    (_name: string, _words: string, _lang: string, prompts: { echo?: boolean }[], answer: Answer) => {
      const asked = !told && prompts.length === 1 && prompts[0]?.echo !== true && password !== undefined;
      told ||= asked;
      answer(asked ? [plain(password)] : prompts.map(() => ''));
    },
  );
}

function connectFault(error: Error & { level?: string; code?: unknown }): Error {
  // OpenSSH ends a session with too many attempts by a disconnect message instead of a failure.
  const level = /authentication fail/i.test(error.message) ? 'client-authentication' : stageOf(error);
  return new ConnectionFault(error.message, level, typeof error.code === 'string' ? error : undefined);
}

/** An unreadable key behind a reference is found only here; ssh2 has no word for it. */
const stageOf = ({ message, level }: Error & { level?: string }): string | undefined =>
  /privateKey/.test(message) ? 'configuration' : level;

function requestFault(operation: string, error: Error & { code?: unknown }): Error {
  if (typeof error.code === 'number') return new StatusFault(operation, error.code, error.message);
  return new ConnectionFault(error.message, undefined, error);
}
