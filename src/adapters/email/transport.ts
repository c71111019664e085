import { type Socket } from 'node:net';
import {
  createTransport,
  type SMTPPoolOptions,
  type SMTPPoolSentMessageInfo,
  type Transporter,
} from 'nodemailer';
import { untilEnded } from '../ended-by';
import { guardedSocket, nodeTls, serverName } from '../network-connect';
import { type NetworkGuard } from '../network-guard';
import { type TokenSource } from '../oauth2-tokens';
import { connectTimeoutMs, plain } from '../schema-parts';
import { plainTls } from '../tls-configuration';
import { TokenFailure } from './classify';
import { type EmailConfiguration, type Security } from './schema';

export type MailTransport = Transporter<SMTPPoolSentMessageInfo, SMTPPoolOptions>;

const DEFAULT_CONNECTIONS = 5;
/** A server that has not taken our good-bye by then has lost the connection. */
const CLOSE_MS = 1000;
/** Above this, the caller's signal ends an attempt; only a connection without one would be ended by this. */
const SILENCE_MS = 3_600_000;

export const securityOf = ({ security, port }: EmailConfiguration): Security =>
  security ?? (port === 465 ? 'tls' : 'starttls');

export function portOf(configuration: EmailConfiguration): number {
  if (configuration.port !== undefined) return configuration.port;
  return { tls: 465, starttls: 587, opportunistic: 25, none: 25 }[securityOf(configuration)];
}

/**
 * The library's pool over sockets that have passed the guard: it never looks up a name, reads a file or fetches a
 * URL by itself, and it sends each mail that it is given once.
 */
export function openTransport(
  configuration: EmailConfiguration,
  guard: NetworkGuard,
  tokens: TokenSource | undefined,
): MailTransport {
  return createTransport(transportOptions(configuration, guard, tokens));
}

/**
 * Connects, encrypts and logs in as for a delivery, and says good-bye. The library has no way to give that up: when
 * the signal ends it, its connection is cut.
 */
export async function verify(
  configuration: EmailConfiguration,
  guard: NetworkGuard,
  tokens: TokenSource | undefined,
  signal: AbortSignal,
): Promise<void> {
  const sockets: Socket[] = [];
  const options = transportOptions(configuration, guard, tokens, (socket) => sockets.push(socket));
  try {
    await untilEnded(createTransport(options).verify(), signal);
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw error;
  }
}

function transportOptions(
  configuration: EmailConfiguration,
  guard: NetworkGuard,
  tokens: TokenSource | undefined,
  onSocket?: (socket: Socket) => void,
): SMTPPoolOptions & { pool: true } {
  const { host } = configuration;
  const port = portOf(configuration);
  const connectMs = connectTimeoutMs(configuration);
  const tls = plainTls(configuration.tls);
  const name = serverName(host, tls);
  return {
    pool: true,
    host,
    port,
    ...encryption(securityOf(configuration)),
    tls: { ...nodeTls(tls), ...(name === undefined ? {} : { servername: name }) },
    getSocket: (_options, callback) => {
      guardedSocket(guard, { host, port }, connectMs).then(
        (connection) => {
          onSocket?.(connection);
          callback(null, { connection });
        },
        (error: Error) => callback(error, false),
      );
    },
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: SILENCE_MS,
    socketCloseTimeout: CLOSE_MS,
    maxConnections: configuration.max_connections ?? DEFAULT_CONNECTIONS,
    maxMessages: 1000,
    maxRequeues: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(configuration.client_name === undefined ? {} : { name: configuration.client_name }),
    ...authentication(configuration, tokens),
    ...signing(configuration),
  };
}

function encryption(
  security: Security,
): Pick<SMTPPoolOptions, 'secure' | 'requireTLS' | 'ignoreTLS' | 'opportunisticTLS'> {
  switch (security) {
    case 'tls':
      return { secure: true };
    case 'starttls':
      return { secure: false, requireTLS: true };
    case 'opportunistic':
      return { secure: false, opportunisticTLS: true };
    case 'none':
      return { secure: false, ignoreTLS: true };
  }
}

/** `forceAuth`: a server that does not offer a login is asked all the same, never given the mail without one. */
function authentication(
  { credentials }: EmailConfiguration,
  tokens: TokenSource | undefined,
): Pick<SMTPPoolOptions, 'auth' | 'forceAuth'> {
  if (credentials === undefined) return {};
  const { username: user, password, access_token } = credentials;
  if (password !== undefined) return { auth: { user, pass: plain(password) }, forceAuth: true };
  const provisionCallback = (
    _user: string,
    renew: boolean,
    done: (error: Error | null, token?: string) => void,
  ): void => {
    if (tokens === undefined)
      return done(renew ? new Error('The access token was refused') : null, plain(access_token ?? ''));
    if (renew) tokens.forget();
    void tokens.token().then((result) => {
      if (result.ok) done(null, result.token);
      else done(new TokenFailure(result.failure));
    });
  };
  return { auth: { type: 'OAuth2', user, provisionCallback }, forceAuth: true };
}

function signing({ dkim }: EmailConfiguration): Pick<SMTPPoolOptions, 'dkim'> {
  if (dkim === undefined) return {};
  const { domain, selector, private_key } = dkim;
  return { dkim: { domainName: domain, keySelector: selector, privateKey: plain(private_key) } };
}
