import { generateKeyPairSync } from 'node:crypto';
import { type AddressInfo } from 'node:net';
import { type Connection, Server, type ServerChannel, type SFTPWrapper } from 'ssh2';

/** What the server does with whoever comes, and with each file that is opened. */
export interface SmallSshServerOptions {
  password: string;
  /** How it asks for the password. */
  asks: 'password' | 'keyboard-interactive';
  /** Status of the SFTP protocol in answer to OPEN; 0 takes the file and forgets it. */
  status: number;
}

export interface SmallSshServer {
  port: number;
  options: SmallSshServerOptions;
  /** Ends the SFTP channel and leaves the connection. */
  endChannels(): void;
  stop(): Promise<void>;
}

/**
 * An SSH server of the ssh2 package, for what OpenSSH needs an account or a full disk for: logins by password
 * and statuses of the SFTP protocol. It stores nothing.
 */
export async function startSmallSshServer(options: SmallSshServerOptions): Promise<SmallSshServer> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const clients = new Set<Connection>();
  const channels = new Set<SFTPWrapper>();
  const server = new Server({ hostKeys: [privateKey] }, (client) => {
    clients.add(client);
    client.on('error', () => undefined).on('close', () => clients.delete(client));
    authenticate(client, options);
    client.on('session', (accept) => {
      accept().on('sftp', (acceptSftp) => {
        const sftp = acceptSftp();
        channels.add(sftp);
        serve(sftp, options);
      });
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    options,
    endChannels: () => {
      for (const channel of channels) (channel as unknown as ServerChannel).end();
      channels.clear();
    },
    stop: () => {
      for (const client of clients) client.end();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function authenticate(client: Connection, options: SmallSshServerOptions): void {
  client.on('authentication', (context) => {
    if (context.method === 'password' && options.asks === 'password') {
      return context.password === options.password ? context.accept() : context.reject([options.asks]);
    }
    if (context.method !== 'keyboard-interactive' || options.asks === 'password') {
      return context.reject([options.asks]);
    }
    context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
      if (answers[0] === options.password) context.accept();
      else context.reject([options.asks]);
    });
  });
}

function serve(sftp: SFTPWrapper, options: SmallSshServerOptions): void {
  const ok = (id: number): void => sftp.status(id, 0);
  sftp.on('OPEN', (id) => {
    if (options.status === 0) sftp.handle(id, Buffer.from('h'));
    else sftp.status(id, options.status);
  });
  sftp.on('WRITE', ok).on('CLOSE', ok).on('REMOVE', ok).on('RENAME', ok).on('MKDIR', ok);
  sftp.on('STAT', (id) => sftp.attrs(id, { mode: 0o40755, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 }));
}
