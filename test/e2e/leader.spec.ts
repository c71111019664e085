import { type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { TestService } from '../support/service';
import { SqlClient } from '../support/sql-client';
import { World } from '../support/world';

let world: World;
let tenant: TestTenant;
let client: SqlClient;
let first: TestService;
let second: TestService;

const scheduler = (): Promise<TestService> =>
  TestService.start({
    databaseUrl: world.database.url,
    dataDir: world.service.dataDir,
    env: { ROLE: 'scheduler' },
  });

beforeAll(async () => {
  world = await World.create({ ROLE: 'api' });
  tenant = await world.tenant('led');
  client = await SqlClient.create(world, 'led');
});

afterAll(async () => {
  await client.dispose();
  await second.dispose();
  await world.dispose();
});

/** In one transaction, so that the duty finds them together. */
const leave = (name: string, count: number): Promise<unknown> =>
  client.query(
    `DO $$ BEGIN FOR n IN 1 .. ${count} LOOP
       CALL submit_distribution(NULL, '${name}-' || n, 'report', '{}', '[]');
     END LOOP; END $$`,
  );

/** Sessions in the middle of a duty at this moment. */
const inDuty = (): Promise<number> =>
  world.count(
    `FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND a.datname = $1 AND a.state = 'idle in transaction'`,
    [world.database.name],
  );

const pending = (): Promise<number> => world.count(`FROM sql_requests WHERE status = 'pending'`);

describe('a scheduler that is lost', () => {
  it('in the middle of a duty, stalled, is replaced by another, and does no harm when it wakes', async () => {
    first = await scheduler();
    await leave('stalled', 3000);
    await eventually({ until: 'it stands still in the middle of a duty', everyMs: 5 }, async () => {
      first.signal('SIGSTOP');
      if ((await inDuty()) > 0) return;
      first.signal('SIGCONT');
      throw new Error('it was between two duties');
    });
    expect(await pending()).toBeGreaterThan(0);
    second = await scheduler();
    await eventually({ until: 'the other has done it', withinMs: 30_000 }, async () => {
      expect(await pending()).toBe(0);
    });
    first.signal('SIGCONT');
    await leave('awake', 10);
    await eventually({ until: 'both work' }, async () => expect(await pending()).toBe(0));
    expect((await tenant.api.listAll()).length).toBe(3010);
  });

  it('killed, is replaced at once', async () => {
    await leave('killed', 1000);
    await first.kill();
    await first.dispose();
    await eventually({ until: 'the other has done it' }, async () => expect(await pending()).toBe(0));
    expect(await world.count('FROM distribution_jobs')).toBe(4010);
  });
});
