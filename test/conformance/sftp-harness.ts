import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type JsonObject } from '../../src/kernel/json';
import { startSshd, type Sshd } from '../support/sshd';
import { type Arrival, type Behaviour, type ProtocolHarness, RECEIVER_NAME, sha256 } from './harness';

export interface ArrivedFile extends Arrival {
  filename: string;
  text: string;
}

const listen = (server: Server, port = 0): Promise<void> =>
  new Promise((resolve) => void server.listen(port, '127.0.0.1', resolve));

const portOf = (server: Server | undefined): number => (server?.address() as AddressInfo).port;

/**
 * OpenSSH's sshd behind a TCP proxy that can cut, stall and refuse. Stalling begins with the server's answer
 * to the opening of a file: the proxy looks into the directory before it passes anything on.
 */
export class SftpHarness implements ProtocolHarness {
  readonly protocol = 'SFTP';
  readonly notApplicable = { 'echoed secrets': 'an SSH server never repeats what it was sent' };
  sshd!: Sshd;
  private proxy: Server | undefined;
  private silentServer: Server | undefined;
  private port = 0;
  private readonly sockets = new Set<Socket>();
  private behaviour: Behaviour = 'accept';
  private stallAfter = Number.POSITIVE_INFINITY;
  private waiting: (() => void)[] = [];
  private opened = 0;
  private away = false;

  constructor(private readonly sftpOptions: string[] = []) {}

  async start(): Promise<void> {
    this.sshd = await startSshd(...this.sftpOptions);
    await mkdir(this.directory, { recursive: true });
    this.proxy = createServer((socket) => this.pass(socket));
    this.silentServer = createServer((socket) => this.remember(socket));
    await Promise.all([listen(this.proxy), listen(this.silentServer)]);
    this.port = portOf(this.proxy);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const servers = [this.proxy, this.silentServer];
    await Promise.all(
      servers.map((server) => new Promise<void>((resolve) => void server?.close(() => resolve()))),
    );
    await this.sshd.stop();
  }

  /** `refuse`: the directory is gone. `fail-for-now`: the server takes no more sessions. */
  async behave(behaviour: Behaviour): Promise<void> {
    this.behaviour = behaviour;
    this.stallAfter = Number.POSITIVE_INFINITY;
    const away = behaviour === 'refuse';
    if (away !== this.away) {
      const elsewhere = `${this.directory}-elsewhere`;
      await (away ? rename(this.directory, elsewhere) : rename(elsewhere, this.directory));
      this.away = away;
    }
  }

  /** Nothing more is passed on once a client has sent so many bytes over one connection. */
  stallAfterBytes(bytes: number): void {
    this.stallAfter = bytes;
  }

  async disappear(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.proxy?.close(() => resolve()));
    this.cut();
    await closed;
  }

  /** Resets every connection; new ones are taken. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async comeBack(): Promise<void> {
    if (this.proxy !== undefined) await listen(this.proxy, this.port);
  }

  received(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Empties the directory; unfinished files and directories are not returned. */
  arrivals(): ArrivedFile[] {
    if (this.away) return [];
    const files = readdirSync(this.directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
      .map(({ name }) => this.read(name));
    for (const name of this.names()) rmSync(join(this.directory, name), { recursive: true });
    return files.sort((a, b) => (a.filename < b.filename ? -1 : 1));
  }

  /** All names in the directory, unfinished files among them. */
  names(): string[] {
    return readdirSync(this.directory).sort();
  }

  effects(): number {
    return this.names().length;
  }

  connections(): number {
    return this.opened;
  }

  get directory(): string {
    return join(this.sshd.files, 'in');
  }

  good(): JsonObject {
    return this.withHost(RECEIVER_NAME);
  }

  withHost(host: string): JsonObject {
    return {
      host,
      port: this.port,
      credentials: { username: this.sshd.username, private_key: this.sshd.clientKey },
      host_key: this.sshd.hostKey,
      directory: this.directory,
      filename: '{delivery_id}.json',
    };
  }

  silent(): JsonObject {
    return { ...this.good(), port: portOf(this.silentServer), connect_timeout_seconds: 0.3 };
  }

  wrongCredentials(): JsonObject {
    const credentials = { username: this.sshd.username, private_key: this.sshd.strangerKey };
    return { ...this.good(), credentials };
  }

  untrusted(): JsonObject {
    return { ...this.good(), host_key: this.sshd.otherHostKey };
  }

  templated(): JsonObject {
    return { ...this.good(), filename: 'named-{payload.name}.json' };
  }

  faulty(): { configuration: JsonObject; field: string; issue: string }[] {
    const good = this.good();
    const fault = (field: string, value: unknown, issue: string) => ({
      configuration: { ...good, [field]: value } as JsonObject,
      field: `configuration.${field}`,
      issue,
    });
    const credentials = (value: JsonObject, field: string, issue: string) => ({
      configuration: { ...good, credentials: value },
      field: `configuration.credentials.${field}`,
      issue,
    });
    return [
      { configuration: {}, field: 'configuration.host_key', issue: 'is required; add it' },
      fault('host', '', 'must NOT have fewer than 1 characters'),
      fault('host', 'a/b', 'a path to a socket is not a host'),
      fault('port', 70_000, 'must be <= 65535'),
      fault('host_key', 'MD5:aa:bb', 'does not have the right form'),
      fault('directory', 'in/../../etc', 'must not contain the steps'),
      fault('directory', 'in/{oops}', 'unknown placeholder {oops}'),
      fault('filename', 'a/b', 'must not contain slashes'),
      fault('filename', '{date:yyyy/MM}', 'must not contain slashes'),
      fault('filename', '..', 'must not contain the steps'),
      fault('conflict', 'append', 'must be one of: replace, ignore, rename, fail'),
      fault('permissions', 'rw-r--r--', 'does not have the right form'),
      fault('hots', 'x', 'is not a known property'),
      credentials({ username: 'u' }, 'password', 'private_key in its place'),
      credentials({ username: 'u', password: 'p', passphrase: 'x' }, 'private_key', 'is required'),
      credentials({ username: 'u', private_key: '/root/.ssh/id' }, 'private_key', 'cannot be read'),
      credentials({ username: 'u', private_key: this.sshd.lockedKey.key }, 'private_key', 'its passphrase'),
      credentials({ password: 'p' }, 'username', 'is required'),
    ];
  }

  /** Keys by each of their lines, for a text may hold them with other line breaks. */
  secrets(): string[] {
    const lines = [this.sshd.clientKey, this.sshd.strangerKey].flatMap((key) => key.split('\n'));
    // The first line of the base64 is the same in all keys of the kind.
    return lines.filter(
      (line) => line.length > 30 && !line.startsWith('b3BlbnNzaC1r') && !line.startsWith('-'),
    );
  }

  private read(filename: string): ArrivedFile {
    const bytes = readFileSync(join(this.directory, filename));
    const stem = filename.replace(/\.json$/, '');
    return {
      id: stem,
      name: stem.startsWith('named-') ? decodeURIComponent(stem.slice('named-'.length)) : undefined,
      filename,
      bytes: bytes.length,
      sha256: sha256(bytes),
      text: bytes.length < 4096 ? bytes.toString() : '',
    };
  }

  private remember(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }

  private pass(client: Socket): void {
    this.opened++;
    this.remember(client);
    if (this.behaviour === 'fail-for-now') return void client.resetAndDestroy();
    const server = connect(this.sshd.port, this.sshd.host);
    this.remember(server);
    let bytes = 0;
    client.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > this.stallAfter) return this.stall();
      server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (bytes > this.stallAfter) return;
      const holds = this.behaviour === 'never-answer' && this.names().some((name) => name.endsWith('.part'));
      if (holds) return this.stall();
      client.write(chunk);
    });
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }

  private stall(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
