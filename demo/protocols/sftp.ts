import { createHash, generateKeyPairSync } from 'node:crypto';
import { type AddressInfo } from 'node:net';
import { type Connection, Server, type SFTPWrapper, utils } from 'ssh2';
import { type ProtocolReceiver } from './receiver';

const NO_SUCH_FILE = 2;
const UNSUPPORTED = 8;

/** An SSH server of this process that keeps files in memory. */
export async function sftpReceiver(): Promise<ProtocolReceiver> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const files = new Map<string, number>();
  const clients = new Set<Connection>();
  const server = new Server({ hostKeys: [privateKey] }, (client) => {
    clients.add(client);
    client.on('error', () => undefined).on('close', () => clients.delete(client));
    client.on('authentication', (context) => {
      if (context.method === 'password' && context.password === 'demo') context.accept();
      else context.reject(['password']);
    });
    client.on('session', (accept) => {
      accept().on('sftp', (acceptSftp) => serve(acceptSftp(), files));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    protocol: 'SFTP',
    address: `SSH server on port ${port}`,
    configuration: {
      host: '127.0.0.1',
      port,
      credentials: { username: 'demo', password: 'demo' },
      host_key: fingerprintOf(privateKey),
      filename: '{data_type}-{delivery_id}.json',
    },
    arrived: () => [...files].map(([name, bytes]) => `file ${name}, ${bytes} bytes`),
    stop: () => {
      for (const client of clients) client.end();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function fingerprintOf(privateKey: string): string {
  const key = utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  const digest = createHash('sha256').update(key.getPublicSSH()).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** What an upload asks for: open, write, close, rename. The handle is the name. */
function serve(sftp: SFTPWrapper, files: Map<string, number>): void {
  const ok = (id: number): void => sftp.status(id, 0);
  sftp.on('OPEN', (id, name) => {
    files.set(name, 0);
    sftp.handle(id, Buffer.from(name));
  });
  sftp.on('WRITE', (id, handle, _offset, data) => {
    const name = handle.toString();
    files.set(name, (files.get(name) ?? 0) + data.length);
    ok(id);
  });
  sftp.on('CLOSE', ok);
  sftp.on('RENAME', (id, from, to) => {
    files.set(to, files.get(from) ?? 0);
    files.delete(from);
    ok(id);
  });
  sftp.on('REMOVE', (id, name) => (files.delete(name) ? ok(id) : sftp.status(id, NO_SUCH_FILE)));
  sftp.on('EXTENDED', (id) => sftp.status(id, UNSUPPORTED));
}
