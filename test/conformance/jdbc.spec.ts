import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject } from '../../src/kernel/json';
import { jdbcSchema } from '../../src/adapters/jdbc/schema';
import { delivery } from './harness';
import { describeJdbcCases, jdbcBench, patient } from './jdbc-cases';
import { PostgresqlEngine } from './jdbc-engines';
import { describeJdbcGroups } from './jdbc-groups';
import { JdbcHarness } from './jdbc-harness';
import { describeConformance } from './suite';

describe('JDBC into PostgreSQL', () => {
  describeConformance(new JdbcHarness(new PostgresqlEngine()));
});

describe('JDBC by its own cases', () => {
  describeJdbcCases('PostgreSQL', new JdbcHarness(new PostgresqlEngine()));
  describeJdbcGroups('PostgreSQL', new JdbcHarness(new PostgresqlEngine()));
});

describe('JDBC: what only PostgreSQL has', () => {
  const harness = new JdbcHarness(new PostgresqlEngine());
  const { open, send } = jdbcBench(harness);
  const { engine } = harness;

  beforeAll(async () => {
    await engine.run(`CREATE SCHEMA "Sales 2026"`);
    await engine.run(`GRANT ALL ON SCHEMA "Sales 2026" TO ${harness.username}`);
    await engine.run(`CREATE TABLE "Sales 2026".facts (id int, j jsonb, a text[], m int[], b boolean,
      t timestamptz, d date, x numeric(30, 10), u uuid, s text)`);
    await engine.run(`CREATE TABLE plain (id text, n int)`);
    await engine.run(`GRANT ALL ON ALL TABLES IN SCHEMA public, "Sales 2026" TO ${harness.username}`);
  });

  it('writes many deliveries under few commits', async () => {
    await engine.run('CREATE TABLE many (id text PRIMARY KEY)');
    await engine.run(`GRANT ALL ON many TO ${harness.username}`);
    const sender = open(
      harness.into({ table: 'many', delivery_id_column: 'id', columns: { id: '{delivery_id}' } }),
    );
    const sent = Array.from({ length: 128 }, () => delivery());
    await Promise.all(sent.map((one) => sender.deliver(one, patient())));
    const [count] = await engine.rows<{ rows: number; commits: number }>(
      'SELECT count(*)::int AS rows, count(DISTINCT xmin::text)::int AS commits FROM many',
    );
    expect(count?.rows).toBe(128);
    expect(count?.commits).toBeLessThan(16);
  });

  it('fills columns of every common type from JSON', async () => {
    const payload = {
      id: 1,
      j: [{ a: 'x' }, 2],
      a: ['one', 'with "quotes", \\ and {braces}', null, 'NULL'],
      m: [
        [1, 2],
        [3, 4],
      ],
      b: true,
      t: '2026-03-09T10:11:12.5+01:00',
      d: '2026-03-09',
      x: 12345678.9012,
      u: '01890a5d-ac96-774b-bcce-b302099a8057',
      s: null,
    };
    const sent = await send(harness.into({ table: 'Sales 2026.facts' }), payload);
    expect(sent).toMatchObject({ kind: 'delivered' });
    const found = await engine.rows(
      `SELECT id, j, a, m, b, t AT TIME ZONE 'UTC' = '2026-03-09 09:11:12.5' AS t, d::text, x::text, u, s
         FROM "Sales 2026".facts`,
    );
    expect(found).toEqual([{ ...payload, t: true, x: '12345678.9012000000' }]);
  });

  it('finds its table by the schema of the URL, and arrays with it', async () => {
    const { connection } = harness.into({}) as { connection: { url: string } };
    const url = `${connection.url}?currentSchema=${encodeURIComponent('"Sales 2026"')}&ApplicationName=x`;
    const configuration = { connection: { ...connection, url }, table: 'facts' };
    expect(await send(configuration, { id: 2, a: ['x'] })).toMatchObject({ kind: 'delivered' });
    expect(await engine.rows('SELECT a FROM "Sales 2026".facts WHERE id = 2')).toEqual([{ a: ['x'] }]);
  });

  it('takes the isolation level', async () => {
    const statement = `INSERT INTO plain (id) SELECT current_setting('transaction_isolation')`;
    for (const isolation_level of ['serializable', 'repeatable_read']) {
      await send(harness.into({ mode: 'statement', statement, isolation_level }), {});
    }
    expect(await engine.rows('DELETE FROM plain RETURNING id')).toEqual([
      { id: 'serializable' },
      { id: 'repeatable read' },
    ]);
  });

  it('says when the column of the delivery id has no unique index', async () => {
    const outcome = await send(harness.into({ table: 'plain', delivery_id_column: 'id' }), { n: 1 });
    expect(outcome).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    expect(outcome.response?.body).toContain('no unique or exclusion constraint');
    expect(await engine.rows('SELECT * FROM plain')).toEqual([]);
  });

  it.each([
    ['lock not available', `SET LOCAL lock_timeout = '1ms'; LOCK TABLE plain`, '55P03'],
    ['shutdown', 'SELECT pg_terminate_backend(pg_backend_pid())', '57P01'],
  ])('tries again after %s', async (_what, body, state) => {
    await engine.run('DROP FUNCTION IF EXISTS fail_so()');
    await engine.run(`CREATE FUNCTION fail_so() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN ${body.startsWith('SELECT') ? body.replace('SELECT', 'PERFORM') : body}; RETURN 1; END $$`);
    await engine.run('BEGIN; LOCK TABLE plain');
    const sender = open(harness.into({ mode: 'statement', statement: 'SELECT fail_so()', pool_size: 1 }));
    const outcome = await sender.deliver(delivery(), patient());
    await engine.run('COMMIT');
    expect(outcome).toMatchObject({ kind: 'retry', message: expect.stringContaining(state) as string });
    expect((await sender.checkHealth(patient())).status).toBe('healthy');
  });

  it('is refused by a server without TLS where TLS is asked for', async () => {
    const plain = new JdbcHarness(new PostgresqlEngine(false));
    await plain.start();
    try {
      const { connection } = plain.into({}) as { connection: { url: string } };
      const asked = {
        connection: { ...connection, url: `${connection.url}?sslmode=require` },
        table: 'arrivals',
      };
      expect(await send(asked, { id: 'a' })).toMatchObject({ kind: 'retry', code: 'TLS_FAILED' });
      expect(await send({ connection, table: 'arrivals' }, { id: 'a' })).toMatchObject({ kind: 'delivered' });
    } finally {
      await plain.stop();
    }
  });
});

describe('JDBC: the documentation', () => {
  const harness = new JdbcHarness(new PostgresqlEngine());
  const { open } = jdbcBench(harness);
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'destinations', 'jdbc.md'), 'utf8');
  const blocks = [...page.matchAll(/```(sql|json)\n([\s\S]*?)```/g)].map(([, , text = '']) => text);

  it('has an example that works, and does so once', async () => {
    const [table = '', configuration = '', job = ''] = blocks;
    await harness.engine.run(table);
    await harness.engine.grant?.();
    const example = { ...(JSON.parse(configuration) as JsonObject), ...harness.into({}) };
    const sender = open(example);
    const sent = delivery({ payload: JSON.parse(job) as JsonObject });
    for (let i = 0; i < 2; i++) expect((await sender.deliver(sent, patient())).kind).toBe('delivered');
    expect(await harness.engine.rows('SELECT * FROM order_lines ORDER BY line')).toEqual([
      {
        delivery: sent.deliveryId,
        line: 1,
        order_id: '4711',
        sku: 'A-1',
        quantity: '2',
        tenant: 'comune-roma',
      },
      {
        delivery: sent.deliveryId,
        line: 2,
        order_id: '4711',
        sku: 'B-2',
        quantity: '0.5',
        tenant: 'comune-roma',
      },
    ]);
  });

  it('has a statement of its own that works, and does so once', async () => {
    await harness.engine.run('CREATE TABLE audit (id text PRIMARY KEY, tenant text, total numeric)');
    await harness.engine.grant?.();
    const sender = open(harness.into(JSON.parse(blocks[3] ?? '') as JsonObject));
    const sent = delivery({ payload: { order: { total: 12.5 } } });
    for (let i = 0; i < 2; i++) expect((await sender.deliver(sent, patient())).kind).toBe('delivered');
    expect(await harness.engine.rows('SELECT tenant, total FROM audit')).toEqual([
      { tenant: 'comune-roma', total: '12.5' },
    ]);
  });

  it('names every option', () => {
    const schema = jdbcSchema['properties'] as JsonObject;
    for (const option of Object.keys(schema)) expect(page).toContain(`\`${option}`);
  });
});
