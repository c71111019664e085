import { type Json, type JsonObject } from '../../src/kernel/json';
import { type Delivery, type Outcome, type Sender } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { delivery, lenientGuard } from './harness';
import { type JdbcHarness } from './jdbc-harness';

export const patient = (): AbortSignal => AbortSignal.timeout(20_000);

export interface JdbcBench {
  open: (configuration: JsonObject) => Sender;
  /** One delivery over a sender of its own. */
  send: (configuration: JsonObject, payload: JsonObject, changes?: Partial<Delivery>) => Promise<Outcome>;
}

/** Starts the harness for a file of cases and closes the senders of each. */
export function jdbcBench(harness: JdbcHarness): JdbcBench {
  const opened: Sender[] = [];
  const open = (configuration: JsonObject): Sender => {
    const adapter = createAdapters({ guard: lenientGuard(), version: '1.2.3' }).get('JDBC');
    const parsed = adapter?.parse(configuration);
    if (adapter === undefined || parsed?.ok !== true) throw new Error(JSON.stringify(parsed));
    const sender = adapter.open(parsed.value);
    opened.push(sender);
    return sender;
  };
  beforeAll(() => harness.start());
  afterAll(() => harness.stop());
  beforeEach(() => harness.behave('accept'));
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((sender) => sender.close()));
  });
  return {
    open,
    send: (configuration, payload, changes = {}) =>
      open(configuration).deliver(delivery({ payload, ...changes }), patient()),
  };
}

interface Order {
  id: string;
  n: number | null;
  code: string | null;
  note: string | null;
}

/** What holds on every database that has a server here. */
export function describeJdbcCases(name: string, harness: JdbcHarness): void {
  const { open, send } = jdbcBench(harness);
  const { engine } = harness;
  const orders = (): Promise<Order[]> =>
    engine.rows<Order>('SELECT id, n, code, note FROM orders ORDER BY id');
  const into = (more: JsonObject): JsonObject => harness.into({ table: 'orders', ...more });

  beforeAll(async () => {
    await engine.run(
      'CREATE TABLE orders (id varchar(100) PRIMARY KEY, n int, code varchar(10) UNIQUE, note text)',
    );
    await engine.run(
      'CREATE TABLE order_lines (delivery varchar(100), line int, sku varchar(10) NOT NULL, customer varchar(20), PRIMARY KEY (delivery, line))',
    );
    if (engine.grant !== undefined) await engine.grant();
  });
  beforeEach(async () => {
    await engine.run('DELETE FROM orders');
    await engine.run('DELETE FROM order_lines');
  });

  describe(`${name}: modes`, () => {
    const order = { id: 'a', n: 1, code: 'x', note: 'first' };

    it('insert takes every field to the column of its name', async () => {
      expect(await send(into({}), order)).toMatchObject({
        kind: 'delivered',
        response: { body: '{"rows_affected":1}' },
      });
      expect(await orders()).toEqual([order]);
      expect(await send(into({}), order)).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    });

    it('insert with the delivery id knows a repeat from a row that is in the way', async () => {
      const configuration = into({ delivery_id_column: 'id' });
      const sender = open(configuration);
      const sent = delivery({ payload: { code: 'x' } });
      await sender.deliver(sent, patient());
      const repeat = await sender.deliver({ ...sent, attemptNumber: 2 }, patient());
      expect(repeat).toMatchObject({ kind: 'delivered', response: { body: '{"rows_affected":0}' } });
      const other = await sender.deliver(delivery({ payload: { code: 'x' } }), patient());
      expect(other).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
      expect(await orders()).toMatchObject([{ id: sent.deliveryId, code: 'x' }]);
    });

    it('upsert writes the last state by its keys', async () => {
      const configuration = into({ mode: 'upsert', key_fields: ['id'] });
      for (const n of [1, 2, 2])
        expect(await send(configuration, { ...order, n })).toMatchObject({ kind: 'delivered' });
      expect(await orders()).toEqual([{ ...order, n: 2 }]);
      const list = {
        items: [
          { id: 'a', n: 3 },
          { id: 'b', n: 4 },
          { id: 'a', n: 5 },
        ],
      };
      await send({ ...configuration, rows: 'items' }, list);
      expect((await orders()).map(({ id, n }) => [id, n])).toEqual([
        ['a', 5],
        ['b', 4],
      ]);
    });

    it('insert_ignore leaves what is there', async () => {
      const configuration = into({ mode: 'insert_ignore', key_fields: ['id'] });
      for (const n of [1, 2])
        expect(await send(configuration, { ...order, n })).toMatchObject({ kind: 'delivered' });
      expect(await orders()).toEqual([order]);
      // A value that does not fit is still an error.
      const long = await send(configuration, { id: 'b', code: 'longer than ten' });
      expect(long).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    });

    it('update and delete go by the keys, and can be repeated', async () => {
      await send(into({}), order);
      const update = into({ mode: 'update', key_fields: ['id'], columns: { id: 'id', note: 'text' } });
      for (let i = 0; i < 2; i++) {
        expect(await send(update, { id: 'a', text: 'new' })).toMatchObject({ kind: 'delivered' });
      }
      expect(await orders()).toEqual([{ ...order, note: 'new' }]);
      const missing = await send(update, { id: 'none', text: 'new' });
      expect(missing).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
      const lenient = await send({ ...update, missing_row: 'ignore' }, { id: 'none', text: 'new' });
      expect(lenient.kind).toBe('delivered');
      const remove = into({ mode: 'delete', key_fields: ['id'] });
      for (let i = 0; i < 2; i++) expect((await send(remove, { id: 'a' })).kind).toBe('delivered');
      expect(await orders()).toEqual([]);
      expect(await send(remove, { id: null })).toMatchObject({
        kind: 'refused',
        code: 'CONFIGURATION_INVALID',
      });
    });

    it('statement binds its parameters, whatever they hold', async () => {
      const configuration = harness.into({
        mode: 'statement',
        statement: `INSERT INTO orders (id, n, note) VALUES (:delivery_id, :n, :words) -- :not`,
        columns: { words: '$.text' },
      });
      const text = `'); DROP TABLE orders; -- \\`;
      const sent = delivery({ payload: { n: 7, text } });
      expect(await open(configuration).deliver(sent, patient())).toMatchObject({ kind: 'delivered' });
      expect(await orders()).toMatchObject([{ id: sent.deliveryId, n: 7, note: text }]);
      const missing = await send(configuration, { text });
      expect(missing).toMatchObject({
        kind: 'refused',
        code: 'CONFIGURATION_INVALID',
        message: expect.stringContaining(':n: the job has no such field') as string,
      });
    });
  });

  describe(`${name}: rows of an array`, () => {
    const items = (count: number): Json[] => Array.from({ length: count }, (_, i) => ({ sku: `sku-${i}` }));
    const configuration = (more: JsonObject = {}): JsonObject =>
      harness.into({
        table: 'order_lines',
        rows: 'order.items',
        columns: { sku: 'sku', customer: '$.customer' },
        delivery_id_column: 'delivery',
        row_number_column: 'line',
        batch_size: 10,
        isolation_level: 'serializable',
        ...more,
      });
    const count = async (): Promise<number> =>
      Number((await engine.rows<{ n: number }>('SELECT count(*) AS n FROM order_lines'))[0]?.n);

    it('are written together, once', async () => {
      const sender = open(configuration());
      const sent = delivery({ payload: { customer: 'c', order: { items: items(25) } } });
      const outcome = await sender.deliver(sent, patient());
      expect(outcome).toMatchObject({ kind: 'delivered', response: { body: '{"rows_affected":25}' } });
      const repeat = await sender.deliver({ ...sent, attemptNumber: 2 }, patient());
      expect(repeat).toMatchObject({ kind: 'delivered', response: { body: '{"rows_affected":0}' } });
      expect(await count()).toBe(25);
      const last = 'SELECT line, sku, customer FROM order_lines ORDER BY line DESC LIMIT 1';
      expect(await engine.rows(last)).toEqual([{ line: 25, sku: 'sku-24', customer: 'c' }]);
    });

    it('are none when one is refused, and the session stays usable', async () => {
      const sender = open({ ...configuration(), pool_size: 1 });
      const bad = [...items(24), { sku: 'far too long' }];
      const refused = await sender.deliver(delivery({ payload: { order: { items: bad } } }), patient());
      expect(refused).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
      expect(await count()).toBe(0);
      const before = harness.connections();
      const good = await sender.deliver(delivery({ payload: { order: { items: items(2) } } }), patient());
      expect(good.kind).toBe('delivered');
      expect(harness.connections()).toBe(before);
    });

    it('may be none; must be an array of objects', async () => {
      expect((await send(configuration(), { order: { items: [] } })).kind).toBe('delivered');
      for (const order of [{}, { items: 'x' }, { items: [1] }]) {
        const outcome = await send(configuration(), { order });
        expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
      }
    });

    it('number themselves behind the id where there is no column for it', async () => {
      const sent = delivery({ payload: { items: [{ n: 1 }, { n: 2, note: 'x' }] } });
      const sender = open(into({ rows: 'items', delivery_id_column: 'id' }));
      for (let i = 0; i < 2; i++) expect((await sender.deliver(sent, patient())).kind).toBe('delivered');
      expect(await orders()).toMatchObject([
        { id: `${sent.deliveryId}:1`, n: 1, note: null },
        { id: `${sent.deliveryId}:2`, n: 2, note: 'x' },
      ]);
    });
  });

  describe(`${name}: names and faults`, () => {
    it('quotes names from a job, dots and quotes included', async () => {
      const quote = (text: string): string => engine.quote(text);
      await engine.run(`CREATE TABLE ${quote('t.a"`]b')} (id varchar(100), ${quote('c"`].x')} int)`);
      if (engine.grant !== undefined) await engine.grant();
      const configuration = harness.into({ table: '{payload.table}', columns: { 'c"`].x': 'v' } });
      expect(await send(configuration, { table: 't.a"`]b', v: 4 })).toMatchObject({ kind: 'delivered' });
      expect(await engine.rows(`SELECT * FROM ${quote('t.a"`]b')}`)).toEqual([{ id: null, 'c"`].x': 4 }]);
      const unknown = await send(configuration, { table: 'orders"; DROP TABLE orders; --', v: 4 });
      expect(unknown).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
      for (const table of ['', 'x'.repeat(65), 'a\0b']) {
        const outcome = await send(configuration, { table, v: 4 });
        expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
      }
    });

    it('refuses unmapped fields where asked to', async () => {
      const configuration = into({ columns: { id: 'id' }, unmapped: 'fail' });
      const outcome = await send(configuration, { id: 'a', other: 1 });
      expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
      expect((outcome as { message: string }).message).toContain('"other"');
    });

    it('opens no more sessions than the destination allows, and keeps them', async () => {
      const sender = open(into({ pool_size: 3 }));
      const before = harness.connections();
      const ids = Array.from({ length: 30 }, (_, i) => `o${i}`);
      const outcomes = await Promise.all(
        ids.map((id) => sender.deliver(delivery({ payload: { id } }), patient())),
      );
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['delivered']));
      expect(harness.connections() - before).toBe(3);
    });

    it('ends what runs on the server when it is aborted, and goes on with another session', async () => {
      await engine.run(`INSERT INTO orders (id, n) VALUES ('locked', 1)`);
      await engine.run('BEGIN');
      await engine.run(`UPDATE orders SET n = 2 WHERE id = 'locked'`);
      const sender = open(into({ mode: 'update', key_fields: ['id'], pool_size: 1 }));
      const sent = delivery({ payload: { id: 'locked', n: 3 } });
      const outcome = await sender.deliver(sent, AbortSignal.timeout(200));
      expect(outcome).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
      // The lock is still held: a session that waits for it would wait on.
      await sender.close();
      for (let tries = 0; (await engine.sessions()) > 0; tries++) expect(tries).toBeLessThan(1000);
      await engine.run('COMMIT');
      const again = open(into({ mode: 'update', key_fields: ['id'] }));
      expect((await again.deliver(sent, patient())).kind).toBe('delivered');
      expect(await orders()).toMatchObject([{ n: 3 }]);
    });

    it('survives an abort within its pool', async () => {
      await engine.run(`INSERT INTO orders (id, n) VALUES ('locked', 1)`);
      await engine.run('BEGIN');
      await engine.run(`UPDATE orders SET n = 2 WHERE id = 'locked'`);
      const sender = open(into({ mode: 'update', key_fields: ['id'], pool_size: 1 }));
      const sent = delivery({ payload: { id: 'locked', n: 3 } });
      const aborted = await sender.deliver(sent, AbortSignal.timeout(200));
      expect(aborted).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
      await engine.run('COMMIT');
      expect((await sender.deliver(sent, patient())).kind).toBe('delivered');
    });
  });
}
