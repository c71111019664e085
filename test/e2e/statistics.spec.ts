import { must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { refuse } from '../support/receiver';
import { World } from '../support/world';

let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  world = await World.create();
  tenant = await world.tenant('figures');
  await tenant.api.register('refuses', { endpoint: world.receiver.on('/refuses', refuse(422)) });
});

afterAll(() => world.dispose());

const hours = async (query = ''): Promise<Reply[]> =>
  must(await tenant.api.get<{ hours: Reply[] }>(`/api/v1/stats/timeseries${query}`), 200).body.hours;

describe('the figures of a tenant', () => {
  it('count its jobs by hour and status, what waits and what was given up', async () => {
    const other = await world.tenant('others');
    const failed = await tenant.api.accepted({ destinations: ['refuses'] });
    await tenant.api.accepted({ destinations: ['refuses'], options: { deliver_at: '2090-01-01T00:00:00Z' } });
    await eventually({ until: 'the job to fail' }, async () => {
      expect((await tenant.api.status(failed)).body.status).toBe('failed');
    });
    expect((await hours()).reduce((sum, hour) => sum + Number(hour['failed']), 0)).toBe(1);
    expect((await hours()).reduce((sum, hour) => sum + Number(hour['pending']), 0)).toBe(1);
    expect(must(await tenant.api.get('/api/v1/stats/summary'), 200).body).toMatchObject({
      queue: { due: 0, scheduled: 1, in_flight: 0, oldest_due_seconds: 0 },
      dead_letters: 1,
    });
    const { body } = must(await other.api.get('/api/v1/stats/summary'), 200);
    expect(body).toMatchObject({ queue: { scheduled: 0 }, dead_letters: 0 });
  });

  it('take earlier hours from the roll-up, and name hours without jobs too', async () => {
    const submitted = new Date(Date.now() - 5 * 3_600_000);
    await world.rows(
      `INSERT INTO distribution_jobs
       SELECT (jsonb_populate_record(j, jsonb_build_object('distribution_id', 'earlier', 'status', 'completed',
         'created_at', $1::timestamptz,
         'id', (left(j.id::text, 23) || '-0000000000ff')::uuid))).*
       FROM distribution_jobs j WHERE tenant_id = 'figures' LIMIT 1`,
      [submitted],
    );
    await world.rows('REFRESH MATERIALIZED VIEW distribution_summary_mv');
    const found = await hours('?hours=6');
    expect(found.map(({ completed }) => completed)).toEqual([1, 0, 0, 0, 0, 0]);
    expect((await tenant.api.get('/api/v1/stats/timeseries?hours=0')).status).toBe(400);
  });
});
