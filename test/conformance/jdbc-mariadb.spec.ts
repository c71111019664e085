import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JsonObject } from '../../src/kernel/json';
import { type Outcome } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { type Running } from '../support/parent-bound';
import { startMariadbWithTls } from '../support/mariadb';
import { makeCertificates } from './certificates';
import { delivery, lenientGuard, RECEIVER_NAME } from './harness';
import { describeJdbcCases, jdbcBench, patient } from './jdbc-cases';
import { MariadbEngine } from './jdbc-engines';
import { describeJdbcGroups } from './jdbc-groups';
import { JdbcHarness } from './jdbc-harness';
import { describeConformance } from './suite';

describe('JDBC into MariaDB', () => {
  describeConformance(new JdbcHarness(new MariadbEngine()));
});

describe('JDBC by its own cases', () => {
  describeJdbcCases('MariaDB', new JdbcHarness(new MariadbEngine()));
  describeJdbcGroups('MariaDB', new JdbcHarness(new MariadbEngine()));
});

describe('JDBC: what only MariaDB has', () => {
  const harness = new JdbcHarness(new MariadbEngine());
  const { open, send } = jdbcBench(harness);
  const { engine } = harness;

  beforeAll(() =>
    engine.run(`CREATE TABLE facts (id int, j json, b boolean, t datetime(6), s timestamp NULL, d date,
      x decimal(30, 10), v varchar(100) CHARACTER SET utf8mb4, y varchar(40))`),
  );

  it('fills columns of every common type from JSON', async () => {
    const moment = '2026-03-09T10:11:12.5+01:00';
    const payload = {
      id: 1,
      j: [{ a: 'x' }],
      b: true,
      t: moment,
      s: moment,
      d: '2026-03-09',
      x: 12345678.9012,
    };
    const sent = await send(harness.into({ table: 'facts' }), { ...payload, v: 'città 🜚', y: moment });
    expect(sent).toMatchObject({ kind: 'delivered' });
    const columns = `id, j, b, CAST(t AS char) AS t, UNIX_TIMESTAMP(s) AS s, CAST(d AS char) AS d, x, v, y`;
    expect(await engine.rows(`SELECT ${columns} FROM facts`)).toEqual([
      {
        id: 1,
        j: [{ a: 'x' }],
        b: 1,
        t: '2026-03-09 09:11:12.500000',
        s: Date.parse('2026-03-09T09:11:12Z') / 1000,
        d: '2026-03-09',
        x: '12345678.9012000000',
        v: 'città 🜚',
        y: moment,
      },
    ]);
  });

  it('refuses what does not fit instead of cutting it, however lenient the server', async () => {
    for (const more of [{ y: 'x'.repeat(41) }, { id: 'seven' }, { d: '2026-02-30' }]) {
      const outcome = await send(harness.into({ table: 'facts' }), more);
      expect(outcome).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    }
  });

  it('tries again after a deadlock, which is real', async () => {
    await engine.run('CREATE TABLE pairs (id int PRIMARY KEY, n int) ENGINE = InnoDB');
    await engine.run('INSERT INTO pairs VALUES (1, 0), (2, 0)');
    const configuration = harness.into({ table: 'pairs', mode: 'update', key_fields: ['id'], rows: 'rows' });
    const sender = open(configuration);
    const rows = [1, 2, 1, 2].map((id, n) => ({ id, n }));
    const backwards = [...rows].reverse();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        sender.deliver(delivery({ payload: { rows: index % 2 === 0 ? rows : backwards } }), patient()),
      ),
    );
    for (const outcome of outcomes.filter(({ kind }) => kind !== 'delivered')) {
      expect(outcome).toMatchObject({ kind: 'retry', code: 'RECEIVER_UNAVAILABLE' });
      expect((outcome as { message: string }).message).toMatch(/code (1213|1020)/);
    }
    expect(outcomes.some(({ kind }) => kind === 'delivered')).toBe(true);
  });
});

describe('JDBC into a MariaDB that speaks TLS', () => {
  const certificates = makeCertificates(RECEIVER_NAME);
  const folder = mkdtempSync(join(tmpdir(), 'distributor-mariadb-tls-'));
  let server: Running | undefined;
  const engine = (): MariadbEngine => new MariadbEngine(server?.url);

  beforeAll(async () => {
    const [cert, key] = [join(folder, 'server.pem'), join(folder, 'server.key')];
    writeFileSync(cert, certificates.server.cert);
    writeFileSync(key, certificates.server.key, { mode: 0o644 });
    server = await startMariadbWithTls(cert, key);
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('checks its certificate and name', async () => {
    const harness = new JdbcHarness(engine());
    await harness.start();
    try {
      const connecting = (tls: JsonObject, url = ''): JsonObject => {
        const { connection } = harness.into({}) as { connection: JsonObject & { url: string } };
        return { connection: { ...connection, url: connection.url + url, tls }, table: 'arrivals' };
      };
      const { ca } = certificates;
      const good = await sendOnce(connecting({ ca }, '?sslMode=VERIFY_IDENTITY'), { id: 'a' });
      expect(good).toMatchObject({ kind: 'delivered' });
      for (const tls of [{}, { ca, server_name: 'other.test' }]) {
        expect(await sendOnce(connecting(tls), { id: 'b' })).toMatchObject({
          kind: 'retry',
          code: 'TLS_FAILED',
        });
      }
    } finally {
      await harness.stop();
    }
  });
});

/** Sends with a sender that is closed at once. */
async function sendOnce(configuration: JsonObject, payload: JsonObject): Promise<Outcome> {
  const adapter = createAdapters({ guard: lenientGuard(), version: '1' }).get('JDBC');
  const sender = adapter?.open(configuration);
  const outcome = await sender?.deliver(delivery({ payload }), patient());
  await sender?.close();
  if (outcome === undefined) throw new Error('no JDBC adapter');
  return outcome;
}
