import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type JsonObject } from '../../src/kernel/json';
import { type Delivery, type Outcome } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { documentedExample, documentedOptions } from './documented';
import { delivery, sha256, strictGuard } from './harness';
import { openerOf, patient } from './opener';
import { SftpHarness } from './sftp-harness';
import { type SmallSshServer, startSmallSshServer } from './small-ssh-server';
import { describeConformance } from './suite';

describeConformance(new SftpHarness());

const harness = new SftpHarness();
const open = openerOf('SFTP');

const send = (more: JsonObject = {}, changes: Partial<Delivery> = {}): Promise<Outcome> =>
  open({ ...harness.good(), ...more }).deliver(delivery(changes), patient());

const bytes = (text: string): Partial<Delivery> => ({ body: Buffer.from(text) });

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(async () => {
  await harness.behave('accept');
  harness.arrivals();
});

describe('SFTP: the documentation', () => {
  it('has an example that works', async () => {
    const example = documentedExample('sftp');
    const adapter = createAdapters({ guard: strictGuard(), version: '1' }).get('SFTP');
    expect(adapter?.parse(example)).toMatchObject({ ok: true });
    const { host, port, host_key, credentials } = harness.good() as Record<string, JsonObject>;
    const directory = `${harness.directory}/${example['directory'] as string}`;
    const sent = delivery({ payload: { number: 7 } });
    const sender = open({ ...example, host, port, host_key, credentials, directory } as JsonObject);
    expect(await sender.deliver(sent, patient())).toMatchObject({ kind: 'delivered' });
    const path = join(harness.directory, `in/2026/03/ordinance-7-${sent.deliveryId}.json`);
    expect(statSync(path).size).toBe(sent.body.length);
    expect(statSync(`${path}.done`).size).toBe(0);
  });

  it('names every option', () => {
    const schema = createAdapters({ guard: strictGuard(), version: '1' }).get('SFTP')?.configurationSchema;
    expect(documentedOptions('sftp').sort()).toEqual(Object.keys(schema?.['properties'] ?? {}).sort());
  });
});

describe('SFTP: the file', () => {
  it('has the place, name and permissions of the configuration', async () => {
    const configuration = {
      directory: `${harness.directory}/{tenant_id}/{date:yyyy/MM}/{payload.office}`,
      filename: '{data_type}-{payload.name}.json',
      mkdirs: true,
      permissions: '0640',
    };
    const outcome = await send(configuration, { payload: { office: 'a/../b', name: '../x:y' } });
    const path = join(harness.directory, 'comune-roma/2026/03/a%2F..%2Fb/ordinance-..%2Fx%3Ay.json');
    expect(outcome).toMatchObject({ kind: 'delivered', response: { body: `stored as ${path}` } });
    expect(statSync(path).mode & 0o777).toBe(0o640);
    // The directories are there by now.
    expect(await send(configuration, { payload: { office: 'a/../b', name: 'second' } })).toMatchObject({
      kind: 'delivered',
    });
  });

  it('stays inside the directory whatever the job says', async () => {
    const directory = `${harness.directory}/{payload.office}`;
    for (const office of ['..', '.', '']) {
      const outcome = await send({ directory, mkdirs: true }, { payload: { office } });
      expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID', bytesSent: 0 });
    }
    const filename = '{payload.a}';
    const long = await send({ filename }, { payload: { a: 'x'.repeat(256) } });
    expect(long).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
    expect(harness.names()).toEqual([]);
  });

  it('is refused where its directory is missing, unless mkdirs is set', async () => {
    const directory = `${harness.directory}/new`;
    expect(await send({ directory })).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    expect(await open({ ...harness.good(), directory }).checkHealth(patient())).toMatchObject({
      status: 'unhealthy',
      code: 'RECEIVER_REFUSED',
    });
    expect(await open({ ...harness.good(), directory, mkdirs: true }).checkHealth(patient())).toMatchObject({
      status: 'healthy',
    });
    expect(harness.names()).toEqual([]);
  });

  it('has companions that say when it is whole', async () => {
    const sent = delivery();
    await open({ ...harness.good(), checksum_file: true, done_file: '.done' }).deliver(sent, patient());
    const [file, done, checksum] = harness.arrivals();
    expect(file).toMatchObject({ filename: `${sent.deliveryId}.json` });
    expect(done).toMatchObject({ filename: `${sent.deliveryId}.json.done`, bytes: 0 });
    expect(checksum?.text).toBe(`${sha256(sent.body)}  ${sent.deliveryId}.json\n`);
  });

  it('may be empty', async () => {
    expect(await send({}, bytes(''))).toMatchObject({ kind: 'delivered', bytesSent: 0 });
    expect(harness.arrivals()).toMatchObject([{ bytes: 0 }]);
  });
});

describe('SFTP: a file of the same name', () => {
  const filename = 'same.json';
  const there = (): string => {
    writeFileSync(join(harness.directory, filename), 'older');
    return join(harness.directory, filename);
  };

  it('is replaced whole by default', async () => {
    there();
    expect(await send({ filename }, bytes('new'))).toMatchObject({ kind: 'delivered' });
    expect(harness.arrivals()).toMatchObject([{ filename, text: 'new' }]);
  });

  it('is left alone by ignore, and the delivery counts', async () => {
    there();
    const outcome = await send({ filename, conflict: 'ignore' }, bytes('new'));
    expect(outcome).toMatchObject({ kind: 'delivered', bytesSent: 0, log: [{ level: 'info' }] });
    expect(harness.arrivals()).toMatchObject([{ filename, text: 'older' }]);
  });

  it('makes fail refuse, but not a repeat', async () => {
    there();
    const fail = { filename, conflict: 'fail' };
    expect(await send(fail, bytes('newer'))).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    expect(await send(fail, bytes('older'))).toMatchObject({ kind: 'delivered' });
    expect(harness.arrivals()).toMatchObject([{ filename, text: 'older' }]);
    expect(await send(fail, bytes('newer'))).toMatchObject({ kind: 'delivered' });
    expect(harness.arrivals()).toMatchObject([{ filename, text: 'newer' }]);
  });

  it('makes rename use a name of the delivery, also for its repeat', async () => {
    there();
    const sent = delivery(bytes('new'));
    const sender = open({ ...harness.good(), filename, conflict: 'rename' });
    expect(await sender.deliver(sent, patient())).toMatchObject({ kind: 'delivered' });
    expect(await sender.deliver({ ...sent, attemptNumber: 2 }, patient())).toMatchObject({
      kind: 'delivered',
    });
    expect(harness.arrivals()).toMatchObject([
      { filename: `same-${sent.deliveryId}.json`, text: 'new' },
      { filename, text: 'older' },
    ]);
  });

  it.each(['ignore', 'rename', 'fail'])('is made once by two that come together (%s)', async (conflict) => {
    const sender = open({ ...harness.good(), filename, conflict });
    const outcomes = await Promise.all(
      ['first!', 'second'].map((text) => sender.deliver(delivery(bytes(text)), patient())),
    );
    const arrived = harness.arrivals();
    const delivered = outcomes.filter(({ kind }) => kind === 'delivered');
    expect(delivered).toHaveLength(conflict === 'fail' ? 1 : 2);
    expect(arrived).toHaveLength(conflict === 'rename' ? 2 : 1);
  });

  it('that is a directory is no file to replace', async () => {
    mkdirSync(join(harness.directory, filename, 'full'), { recursive: true });
    expect(await send({ filename })).toMatchObject({ kind: 'retry', code: 'RECEIVER_UNAVAILABLE' });
    expect(harness.names()).toEqual([filename]);
  });
});

describe('SFTP: what a broken attempt leaves behind', () => {
  const body = Buffer.alloc(4 * 1024 * 1024, 'large ');

  it('is never seen under the final name, and is gone after the next attempt', async () => {
    const sent = delivery({ body });
    const sender = open(harness.good());
    harness.stallAfterBytes(1024 * 1024);
    const stalled = harness.received();
    const under = sender.deliver(sent, patient());
    await stalled;
    harness.cut();
    expect(await under).toMatchObject({ kind: 'retry', code: 'CONNECTION_FAILED' });
    expect(harness.names()).toEqual([`.${sent.deliveryId}.1.part`]);
    await harness.behave('accept');
    expect(await sender.deliver({ ...sent, attemptNumber: 2 }, patient())).toMatchObject({
      kind: 'delivered',
      bytesSent: body.length,
    });
    expect(harness.names()).toEqual([`${sent.deliveryId}.json`]);
    expect(harness.arrivals()).toMatchObject([{ sha256: sha256(body) }]);
  });

  it('does not hold up the time-out, which says how much had arrived', async () => {
    harness.stallAfterBytes(1024 * 1024);
    const started = performance.now();
    const outcome = await open(harness.good()).deliver(delivery({ body }), AbortSignal.timeout(700));
    expect(outcome).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
    expect(outcome.bytesSent).toBeLessThan(body.length);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('of this attempt is overwritten', async () => {
    const sent = delivery();
    const leftover = join(harness.directory, `.${sent.deliveryId}.1.part`);
    writeFileSync(leftover, 'x'.repeat(1000));
    utimesSync(leftover, 1, 1);
    await open(harness.good()).deliver(sent, patient());
    expect(harness.arrivals()).toMatchObject([{ sha256: sha256(sent.body) }]);
  });
});

describe('SFTP: a server without posix-rename', () => {
  const plain = new SftpHarness(['-P', 'posix-rename']);
  beforeAll(() => plain.start());
  afterAll(() => plain.stop());

  it('has the old file removed first', async () => {
    const sender = open({ ...plain.good(), filename: 'same.json' });
    expect(await sender.deliver(delivery(bytes('first')), patient())).toMatchObject({ kind: 'delivered' });
    expect(await sender.deliver(delivery(bytes('second')), patient())).toMatchObject({ kind: 'delivered' });
    expect(plain.arrivals()).toMatchObject([{ filename: 'same.json', text: 'second' }]);
  });

  it('that crashes is a failed connection', async () => {
    const sender = open({ ...plain.good(), max_connections: 1 });
    expect(await sender.deliver(delivery(), patient())).toMatchObject({ kind: 'delivered' });
    plain.sshd.kill();
    plain.cut();
    const outcomes = [
      await sender.deliver(delivery(), patient()),
      await sender.deliver(delivery(), patient()),
    ];
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: 'retry', code: 'CONNECTION_FAILED', bytesSent: 0 });
    }
  });
});

describe('SFTP: the login', () => {
  it('takes a key with a passphrase', async () => {
    const { key, passphrase } = harness.sshd.lockedKey;
    const credentials = { username: harness.sshd.username, private_key: key, passphrase };
    expect(await send({ credentials })).toMatchObject({ kind: 'delivered' });
  });

  it('knows the server by any of several keys, or by none when told so', async () => {
    const { hostKey, otherHostKey } = harness.sshd;
    expect(await send({ host_key: [otherHostKey, `${hostKey}=`] })).toMatchObject({ kind: 'delivered' });
    expect(await send({ host_key: 'insecure-accept-any' })).toMatchObject({ kind: 'delivered' });
    const outcome = await send({ host_key: otherHostKey });
    expect(outcome).toMatchObject({ kind: 'retry', code: 'TLS_FAILED' });
    expect(outcome.kind === 'retry' ? outcome.message : '').toContain(hostKey);
  });

  it('is not begun with a reference that nobody resolved', () => {
    const credentials = { username: 'u', password: { env: 'SFTP_PASSWORD' } };
    expect(() => open({ ...harness.good(), credentials })).toThrow('was not resolved');
  });

  it('asks for the kinds of host key that are configured', async () => {
    expect(await send({ host_key_algorithms: ['ssh-ed25519'] })).toMatchObject({ kind: 'delivered' });
    const outcome = await send({ host_key_algorithms: ['rsa-sha2-512'] });
    expect(outcome).toMatchObject({ kind: 'retry', code: 'TLS_FAILED' });
  });
});

describe('SFTP: connections', () => {
  it('are kept and used again', async () => {
    const sender = open(harness.good());
    const before = harness.connections();
    for (let i = 0; i < 5; i++) await sender.deliver(delivery(), patient());
    expect(harness.connections() - before).toBe(1);
  });

  it('are no more than the destination allows', async () => {
    const sender = open({ ...harness.good(), max_connections: 2 });
    const before = harness.connections();
    await Promise.all(Array.from({ length: 20 }, () => sender.deliver(delivery(), patient())));
    expect(harness.connections() - before).toBe(2);
  });

  it('are waited for no longer than the signal allows', async () => {
    const sender = open({ ...harness.good(), max_connections: 1 });
    await harness.behave('never-answer');
    const received = harness.received();
    const first = sender.deliver(delivery(), AbortSignal.timeout(600));
    await received;
    const waiting = await sender.deliver(delivery(), AbortSignal.timeout(50));
    expect(waiting).toMatchObject({ kind: 'retry', code: 'TIMEOUT', bytesSent: 0 });
    expect(await first).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
  });
});

describe('SFTP: a server of another make', () => {
  let server: SmallSshServer;
  const password = 'password-of-the-good-71c';
  const at = (more: JsonObject = {}): JsonObject => ({
    host: '127.0.0.1',
    port: server.port,
    credentials: { username: 'u', password },
    host_key: 'insecure-accept-any',
    ...more,
  });
  const deliver = (more?: JsonObject): Promise<Outcome> => open(at(more)).deliver(delivery(), patient());

  beforeAll(async () => {
    server = await startSmallSshServer({ password, asks: 'password', status: 0 });
  });
  afterAll(() => server.stop());
  beforeEach(() => Object.assign(server.options, { asks: 'password', status: 0 }));

  it.each(['password', 'keyboard-interactive'] as const)('lets a user in by %s', async (asks) => {
    server.options.asks = asks;
    expect(await deliver()).toMatchObject({ kind: 'delivered' });
    const outcome = await deliver({ credentials: { username: 'u', password: 'wrong-password-99' } });
    expect(outcome).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
    expect(JSON.stringify(outcome)).not.toContain('wrong-password-99');
  });

  it.each([
    [1, 'retry', 'RECEIVER_UNAVAILABLE'],
    [2, 'refused', 'RECEIVER_REFUSED'],
    [3, 'refused', 'RECEIVER_REFUSED'],
    [4, 'retry', 'RECEIVER_UNAVAILABLE'],
    [5, 'refused', 'RECEIVER_REFUSED'],
    [6, 'retry', 'CONNECTION_FAILED'],
    [7, 'retry', 'CONNECTION_FAILED'],
    [8, 'refused', 'RECEIVER_REFUSED'],
  ])('answers with status %i: %s %s', async (status, kind, code) => {
    server.options.status = status;
    expect(await deliver()).toMatchObject({ kind, code, bytesSent: 0 });
  });

  it('may end the channel and keep the connection', async () => {
    const sender = open(at({ max_connections: 1 }));
    expect(await sender.deliver(delivery(), patient())).toMatchObject({ kind: 'delivered' });
    server.endChannels();
    const outcomes = [
      await sender.deliver(delivery(), patient()),
      await sender.deliver(delivery(), patient()),
    ];
    expect(outcomes.at(-1)).toMatchObject({ kind: 'delivered' });
  });
});

describe('SFTP: somebody who does not speak SSH', () => {
  let server: Server;
  let words = '';
  beforeAll((done) => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume().end(words);
    }).listen(0, '127.0.0.1', done);
  });
  afterAll((done) => void server.close(done));

  it.each(['', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'SSH-1.5-old\r\n', `SSH-2.0-x\r\n${'\xff'.repeat(100)}`])(
    'is a failed connection, not an exception (%#)',
    async (spoken) => {
      words = spoken;
      const { port } = server.address() as AddressInfo;
      const outcome = await open({ ...harness.good(), host: '127.0.0.1', port }).deliver(
        delivery(),
        patient(),
      );
      expect(outcome).toMatchObject({ kind: 'retry', bytesSent: 0 });
      expect(['CONNECTION_FAILED', 'TLS_FAILED']).toContain(outcome.kind === 'retry' ? outcome.code : '');
    },
  );
});
