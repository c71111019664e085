import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createAdapters } from '../../src/adapters/registry';
import { delivery } from '../conformance/harness';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Outcome, type Sender } from '../../src/adapters/port';

/** SQL Server and Oracle have no server here: their drivers meet one that listens, and what it says is ours. */
describe.each([
  ['SQL Server', (port: number) => `jdbc:sqlserver://receiver.test:${port};databaseName=d`],
  [
    'SQL Server without TLS',
    (port: number) => `jdbc:sqlserver://receiver.test:${port};databaseName=d;encrypt=false`,
  ],
  ['Oracle', (port: number) => `jdbc:oracle:thin:@//receiver.test:${port}/s`],
  ['Oracle with TLS', (port: number) => `jdbc:oracle:thin:@tcps://receiver.test:${port}/s`],
])('%s', (_name, urlAt) => {
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  let onConnection: (socket: Socket) => void = () => undefined;
  let sender: Sender | undefined;

  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      onConnection(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => sender?.close());
  afterAll((done) => {
    for (const socket of sockets) socket.destroy();
    server.close(done);
  });

  const deliver = (
    at: number,
    allowed: string[],
    answer: typeof onConnection = () => undefined,
  ): Promise<Outcome> => {
    onConnection = answer;
    const lookup = async () => [{ address: '127.0.0.1', family: 4 }];
    const adapter = createAdapters({ guard: new NetworkGuard(allowed, lookup), version: '1' }).get('JDBC');
    const configuration = {
      connection: { url: urlAt(at), credentials: { username: 'u', password: 'the-password' } },
      table: 't',
      connect_timeout_seconds: 0.5,
    };
    const parsed = adapter?.parse(configuration);
    if (adapter === undefined || parsed?.ok !== true) throw new Error(JSON.stringify(parsed));
    sender = adapter.open(parsed.value);
    return sender.deliver(delivery({ payload: { a: 1 } }), AbortSignal.timeout(5000));
  };

  it('connects to the address that the guard checked, or not at all', async () => {
    const before = sockets.size;
    expect(await deliver(port, [])).toMatchObject({
      kind: 'refused',
      code: 'NETWORK_FORBIDDEN',
      bytesSent: 0,
    });
    expect(sockets.size).toBe(before);
    expect(await deliver(port, ['127.0.0.0/8'])).toMatchObject({
      kind: 'retry',
      code: 'TIMEOUT',
      bytesSent: 0,
    });
    expect(sockets.size).toBe(before + 1);
  });

  it('tells a closed port and a server that hangs up', async () => {
    const hungUp = await deliver(port, ['127.0.0.0/8'], (socket) => socket.destroy());
    expect(hungUp.kind).toBe('retry');
    expect(['CONNECTION_FAILED', 'TLS_FAILED']).toContain((hungUp as { code: string }).code);
    expect(JSON.stringify(hungUp)).not.toContain('the-password');
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port: closedPort } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await deliver(closedPort, ['127.0.0.0/8'])).toMatchObject({
      kind: 'retry',
      code: 'CONNECTION_FAILED',
    });
  });

  if (_name === 'Oracle') {
    it('does not follow a server that sends it elsewhere', async () => {
      const address = '(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=169.254.169.254)(PORT=80)))';
      const redirect = Buffer.concat([
        Buffer.from([0, 10 + address.length, 0, 0, 5, 0, 0, 0, 0, address.length]),
        Buffer.from(address),
      ]);
      const outcome = await deliver(port, ['127.0.0.0/8'], (socket) => {
        socket.once('data', () => socket.write(redirect));
      });
      expect(outcome).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN' });
    });
  }
});
