import { type JsonObject } from '../../src/kernel/json';
import { type Delivery, type Sender } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { examplesOf } from './destination-docs';
import { delivery, lenientGuard } from './harness';
import { openerOf, patient } from './opener';
import { S3Harness } from './s3-harness';

const harness = new S3Harness();
const openS3 = openerOf('S3');

const issuesOf = (configuration: JsonObject) => {
  const parsed = createAdapters({ guard: lenientGuard(), version: '1' }).get('S3')?.parse(configuration);
  return parsed?.ok === false ? parsed.issues : [];
};

function open(more: JsonObject = {}): Sender {
  const { key: _, ...configuration } = harness.good();
  return openS3({ ...configuration, batch: { max_deliveries: 10, max_wait_ms: 100 }, ...more });
}

const some = (count: number): Delivery[] => Array.from({ length: count }, () => delivery());
const all = (sender: Sender, deliveries: Delivery[]) =>
  Promise.all(deliveries.map((one) => sender.deliver(one, patient())));

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(async () => {
  harness.behave('accept');
  await harness.arrivals();
});

describe('S3: several deliveries in one object', () => {
  it('are lines with their ids, in objects of the day, full or after the wait', async () => {
    const sent = some(25);
    const outcomes = await all(open(), sent);
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['delivered']));
    const objects = await harness.objects();
    expect(objects.map(({ lines }) => lines.length).sort()).toEqual([10, 10, 5].sort());
    expect(objects.every(({ key }) => /^2026\/03\/09\/[0-9a-f]{32}\.ndjson$/.test(key))).toBe(true);
    const lines = objects.flatMap(({ lines }) => lines);
    expect(lines.map((line) => line['delivery_id']).sort()).toEqual(
      sent.map(({ deliveryId }) => deliveryId).sort(),
    );
    expect(lines[0]).toMatchObject({ data_type: 'ordinance', payload: { name: 'plain', amount: 7 } });
    expect(outcomes[0]?.response?.body).toContain('stored as 2026/03/09/');
  });

  it('are the same object when they come again together, and are known by their ids in other company', async () => {
    const sender = open();
    const sent = some(10);
    await all(sender, sent);
    await all(sender, [...sent].reverse());
    expect(await harness.effects()).toBe(1);
    const [again] = sent as [Delivery];
    await all(sender, [...some(9), { ...again, attemptNumber: 2 }]);
    const lines = (await harness.objects()).flatMap((object) => object.lines);
    expect(lines).toHaveLength(20);
    expect(new Set(lines.map((line) => line['delivery_id'])).size).toBe(19);
  });

  it('are made as the documentation shows', async () => {
    const [example] = examplesOf('S3');
    await all(open({ ...example, bucket: harness.bucket }), some(10));
    expect((await harness.objects()).map(({ key }) => key)).toEqual([
      expect.stringMatching(/^comune-roma\/2026\/03\/09\/[0-9a-f]{32}\.ndjson$/),
    ]);
  });

  it('of different directories are different objects', async () => {
    const sender = open({ key: '{tenant_id}/{payload.name}/' });
    await all(sender, [delivery({ payload: { name: 'a' } }), delivery({ payload: { name: 'b' } })]);
    const keys = (await harness.objects()).map(({ key }) => key.replace(/[^/]*$/, ''));
    expect(keys.sort()).toEqual(['comune-roma/a/', 'comune-roma/b/']);
  });

  it('keep what is no JSON, and what is no text', async () => {
    const sender = open();
    await all(sender, [
      delivery({ body: Buffer.from('a;b\r\n'), contentType: 'text/csv' }),
      delivery({ body: Buffer.from([0xff, 0x00]), contentType: 'application/octet-stream' }),
      delivery({ body: Buffer.from('{\n "a": 1\n}') }),
    ]);
    const [object] = await harness.objects();
    expect(object?.lines).toContainEqual(
      expect.objectContaining({ content_type: 'text/csv', body: 'a;b\r\n' }),
    );
    expect(object?.lines).toContainEqual(expect.objectContaining({ body_base64: '/wA=' }));
    expect(object?.lines).toContainEqual(expect.objectContaining({ payload: { a: 1 } }));
  });

  it('share the outcome of their object, and end each by its own signal', async () => {
    const sender = open();
    harness.behave('fail-for-now');
    const outcomes = await all(sender, some(10));
    expect(outcomes.every((one) => one.kind === 'retry' && one.code === 'RATE_LIMITED')).toBe(true);
    harness.behave('accept');
    const hasty = sender.deliver(delivery(), AbortSignal.timeout(20));
    const waiting = sender.deliver(delivery(), patient());
    expect(await hasty).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
    expect(await waiting).toMatchObject({ kind: 'delivered' });
    expect((await harness.objects()).map(({ lines }) => lines.length)).toEqual([1]);
  });

  it('do not keep a closing sender waiting', async () => {
    const sender = open({ batch: { max_wait_ms: 60_000 } });
    const under = sender.deliver(delivery(), patient());
    await sender.close();
    expect(await under).toMatchObject({ kind: 'delivered' });
  });

  it('cannot be named after one of them', () => {
    const issues = issuesOf({ ...harness.good(), batch: {} });
    expect(issues).toMatchObject([{ field: 'configuration.key' }]);
  });
});
