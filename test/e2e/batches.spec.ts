import { must, type Submission, type TestTenant } from '../support/api';
import { hang } from '../support/receiver';
import { World } from '../support/world';

let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  world = await World.create();
  tenant = await world.tenant('batches');
});

afterAll(() => world.dispose());

const named = (...names: string[]): Submission[] =>
  names.map((distribution_id) => ({ distribution_id, destinations: [] }));
const bulk = (items: Submission[], options = {}) =>
  tenant.api.bulk(
    items.map((item) => ({ data_type: 'report', payload: { total: 1 }, ...item })),
    options,
  );

describe('a batch that is sent again', () => {
  it('is the one that it was, and shows how its jobs stand', async () => {
    const { behaviour, release } = hang();
    await tenant.api.register('slow', { endpoint: world.receiver.on('/slow', behaviour) });
    const items = named('one', 'two').map((item) => ({ ...item, destinations: ['slow'] }));
    const first = must(await bulk(items), 202).body;
    const again = must(await bulk(items), 200).body;
    expect(again).toEqual({ ...first, idempotent_replay: true });
    const { body } = must(await tenant.api.batch(first.batch_id), 200);
    expect(body).toMatchObject({ status: 'processing', open_distributions: 2 });
    release();
  });

  it('is so by its keys, also where an item is refused each time', async () => {
    const items = [{ options: { idempotency_key: 'key-1' } }, { destinations: ['nowhere'] }];
    const first = must(await bulk(items), 202).body;
    const again = must(await bulk(items), 200).body;
    expect(again).toMatchObject({ batch_id: first.batch_id, rejected: [{ index: 1 }] });
  });

  it('at the same time, several times: one of them makes it', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => bulk(named('at-once-1', 'at-once-2'))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 202]);
    expect(new Set(answers.map(({ body }) => body.batch_id)).size).toBe(1);
  });

  it.each<[string, Submission[], object]>([
    ['with one more', named('a', 'b', 'c'), {}],
    ['with one less', named('a'), {}],
    ['with another callback', named('a', 'b'), { callback_url: 'https://example.org/callback' }],
    ['joined with another', named('a', 'b', 'at-once-1'), {}],
  ])('%s is another', async (_how, items, options) => {
    const first = await bulk(named('a', 'b'));
    const other = must(await bulk(items, options), 202).body;
    expect(other.batch_id).not.toBe(first.body.batch_id);
  });
});
