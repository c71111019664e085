import { type JsonObject } from '../../src/kernel/json';
import { type Delivery } from '../../src/adapters/port';
import { delivery } from './harness';
import { jdbcBench, patient } from './jdbc-cases';
import { type JdbcHarness } from './jdbc-harness';

/** Deliveries that are written together: each keeps its own outcome, and a repeat has no second effect. */
export function describeJdbcGroups(name: string, harness: JdbcHarness): void {
  const { open } = jdbcBench(harness);
  const { engine } = harness;
  const into = (more: JsonObject): JsonObject =>
    harness.into({ table: 'grouped', delivery_id_column: 'id', ...more });
  const some = (count: number): Delivery[] =>
    Array.from({ length: count }, (_, n) => delivery({ payload: { n, code: `c${n}` } }));
  const rows = () => engine.rows<{ id: string; n: number }>('SELECT id, n FROM grouped');

  beforeAll(async () => {
    await engine.run('CREATE TABLE grouped (id varchar(100) PRIMARY KEY, n int, code varchar(4))');
    if (engine.grant !== undefined) await engine.grant();
  });
  beforeEach(() => engine.run('DELETE FROM grouped'));

  describe(`${name}: deliveries written together`, () => {
    it('arrive each once, whatever company their repeats come in', async () => {
      const sender = open(into({}));
      const sent = some(40);
      const [first] = sent as [Delivery];
      await Promise.all(sent.map((one) => sender.deliver(one, patient())));
      // The node that sent it died before it could note so; then it comes as a counted repeat, and once more alone.
      const company = [...some(20), first, ...some(20), { ...first, attemptNumber: 2 }];
      const outcomes = await Promise.all(company.map((one) => sender.deliver(one, patient())));
      outcomes.push(await sender.deliver(first, patient()));
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['delivered']));
      const affected = outcomes.map(({ response }) => response?.body);
      expect(affected.filter((body) => body === '{"rows_affected":0}')).toHaveLength(3);
      expect(affected[20]).toBe('{"rows_affected":0}');
      expect(await rows()).toHaveLength(80);
    });

    it('have their own outcomes: one that does not fit is refused, the others arrive', async () => {
      const sender = open(into({}));
      const sent = some(30);
      sent[7] = delivery({ payload: { n: 7, code: 'too long' } });
      const outcomes = await Promise.all(sent.map((one) => sender.deliver(one, patient())));
      expect(outcomes.map(({ kind }) => kind)).toEqual(
        sent.map((_, index) => (index === 7 ? 'refused' : 'delivered')),
      );
      expect(await rows()).toHaveLength(29);
    });

    it('leave the last state where several upserts have the same key', async () => {
      const configuration = into({ mode: 'upsert', key_fields: ['id'], columns: { id: 'key', n: 'n' } });
      const { delivery_id_column: _, ...upsert } = configuration;
      const sender = open({ ...upsert, pool_size: 1 });
      const sent = Array.from({ length: 20 }, (_, n) => delivery({ payload: { key: `k${n % 2}`, n } }));
      const outcomes = await Promise.all(sent.map((one) => sender.deliver(one, patient())));
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['delivered']));
      expect((await rows()).map(({ n }) => n).sort()).toEqual([18, 19]);
    });

    it('end each by its own signal', async () => {
      const held = delivery({ payload: { n: 1 } });
      await engine.run('BEGIN');
      await engine.run(`INSERT INTO grouped (id) VALUES ('${held.deliveryId}')`);
      const sender = open(into({}));
      const others = some(15).map((one) => sender.deliver(one, patient()));
      // Whoever is in one statement with it waits for the other transaction.
      const outcome = await sender.deliver(held, AbortSignal.timeout(200));
      expect(outcome).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
      await engine.run('ROLLBACK');
      const outcomes = await Promise.all(others);
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['delivered']));
    });
  });
}
