import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SftpClient from 'ssh2-sftp-client';
import { type Report } from '../report';
import { adapterWay, run, type Way } from './contest';
import { startTestServer } from './servers';

const CONNECTIONS = 4;

/** OpenSSH's sshd; in both ways a temporary name, then an atomic rename. */
export async function sftpContest(report: Report): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'distributor-bench-sftp-'));
  const server = await startTestServer('sshd-service.ts', home);
  try {
    const { hostname: host, port, username } = new URL(server.url);
    const key = readFileSync(join(home, 'client'), 'utf8');
    const files = join(home, 'files');
    const configuration = {
      host,
      port: Number(port),
      credentials: { username, private_key: key },
      host_key: 'insecure-accept-any',
      directory: files,
      filename: '{delivery_id}.json',
      max_connections: CONNECTIONS,
    };
    const login = { host, port: Number(port), username, privateKey: key };
    await run(
      {
        figure: 'adapter_sftp',
        concurrency: CONNECTIONS,
        adapter: adapterWay('SFTP', configuration),
        bare: [['ssh2_sftp_client', await bareClients(login, files)]],
        tidy: async () => {
          for (const name of await readdir(files)) await rm(join(files, name));
        },
      },
      report,
    );
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

async function bareClients(login: SftpClient.ConnectOptions, files: string): Promise<Way> {
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const client = new SftpClient();
      await client.connect(login);
      return client;
    }),
  );
  const idle = [...clients];
  return {
    deliver: async ({ body, deliveryId }) => {
      const client = idle.pop() as SftpClient;
      const path = `${files}/${deliveryId}.json`;
      await client.put(body, `${path}.tmp`);
      await client.posixRename(`${path}.tmp`, path);
      idle.push(client);
    },
    close: async () => void (await Promise.all(clients.map((client) => client.end()))),
  };
}
