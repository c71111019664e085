import { type Pool, type PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { sourceOptions } from '../../src/app/database.module';
import { sessionUrls } from '../../src/database/roles';
import { TenantTransaction } from '../../src/database/tenant-transaction';
import { type TenantId } from '../../src/kernel/ids';
import { type Answer, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { securityFigure } from '../support/security-figures';
import { World } from '../support/world';

/** Fewer connections than tenants, and many more requests than connections. */
const POOL_SIZE = 2;
const TENANTS = ['anagni', 'bari', 'como', 'deruta', 'enna', 'forli'];
const IN_FLIGHT = 24;

interface Resident {
  tenant: TestTenant;
  mark: string;
  distributionId: string;
}

let world: World;
let residents: Resident[];

beforeAll(async () => {
  world = await World.create({ DB_POOL_SIZE: String(POOL_SIZE) });
  residents = await Promise.all(TENANTS.map(settle));
});

afterAll(() => world.dispose());

async function settle(id: string): Promise<Resident> {
  const tenant = await world.tenant(id);
  const mark = `mark-of-${id}`;
  await tenant.api.register(mark, { endpoint: `${world.receiver.url}/${mark}` }, { description: mark });
  const job = { data_type: mark, payload: { mark }, metadata: { mark }, destinations: [mark] };
  return { tenant, mark, distributionId: await tenant.api.accepted(job) };
}

/** All of them, so many at a time. */
async function interleaved(works: (() => Promise<void>)[]): Promise<void> {
  const left = works.values();
  const worker = async (): Promise<void> => {
    for (const work of left) await work();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

const others = (own: Resident): Resident[] => residents.filter((resident) => resident !== own);

type Send = (own: Resident, other: Resident, signal: AbortSignal | null) => Promise<Answer>;

async function send(own: Resident, method: string, path: string, signal: AbortSignal | null, body?: object) {
  const response = await fetch(`${world.service.url}/api/v1/${path}`, {
    method,
    signal,
    headers: { 'x-api-key': own.tenant.api.key, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: { text } };
}

/** What goes well, what is refused before, and what is refused in the middle of a transaction. */
const REQUESTS: Send[] = [
  (own, _other, signal) => send(own, 'GET', 'distribution/list', signal),
  (own, _other, signal) => send(own, 'GET', `distribution/${own.distributionId}/status`, signal),
  (own, other, signal) => send(own, 'GET', `distribution/${other.distributionId}/attempts`, signal),
  (own, _other, signal) => send(own, 'GET', 'destinations/list', signal),
  (own, _other, signal) => send(own, 'GET', 'audit-log', signal),
  (own, _other, signal) =>
    send(own, 'POST', 'distribution/submit', signal, { data_type: own.mark, payload: {} }),
  (own, _other, signal) =>
    send(own, 'POST', 'distribution/submit', signal, { data_type: 'x', payload: {}, destinations: ['no'] }),
  (own, _other, signal) =>
    send(own, 'PATCH', `destinations/${own.mark}`, signal, { description: own.mark, tags: ['x'] }),
  (own, _other, signal) =>
    // A name that is taken: the unique key ends the transaction.
    send(own, 'POST', 'destinations/register', signal, {
      name: own.mark,
      protocol: 'REST',
      configuration: { endpoint: 'https://example.com/' },
    }),
];

const CANCEL_STATEMENTS = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND usename = 'distributor_app' AND state = 'active'`;
const END_SESSIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND usename = 'distributor_app'`;

it('requests of many tenants over few connections, with errors, cancelled and broken ones between, see no foreign row', async () => {
  const foreign: string[] = [];
  const outcomes = { answered: 0, refused: 0, failed: 0, cancelled: 0 };
  const works = Array.from({ length: 600 }, (_, index) => async () => {
    const own = residents[index % residents.length] as Resident;
    const other = residents[(index + 1) % residents.length] as Resident;
    const request = REQUESTS[index % REQUESTS.length] as Send;
    // Every fourth gives up before or while it is answered; now and then all statements, or sessions, end.
    const signal = index % 4 === 3 ? AbortSignal.timeout(index % 23) : null;
    if (index % 50 === 49) await world.rows(index % 200 === 199 ? END_SESSIONS : CANCEL_STATEMENTS);
    const answer = await request(own, other, signal).catch((error: unknown) => {
      if (signal?.aborted) return undefined;
      throw error;
    });
    if (answer === undefined) return void outcomes.cancelled++;
    const { text } = answer.body as { text: string };
    for (const { mark } of others(own)) if (text.includes(mark)) foreign.push(`${mark} for ${own.mark}`);
    outcomes[answer.status >= 500 ? 'failed' : answer.status >= 400 ? 'refused' : 'answered']++;
  });
  await interleaved(works);
  securityFigure('interleaved_requests', works.length);
  securityFigure('foreign_rows', foreign.length);
  expect(foreign).toEqual([]);
  expect(outcomes.answered).toBeGreaterThan(100);
  expect(outcomes.refused).toBeGreaterThan(100);
  expect(outcomes.cancelled).toBeGreaterThan(0);
  await eventually({ until: 'no transaction to be left open' }, async () => {
    const open = `FROM pg_stat_activity WHERE datname = current_database() AND usename = 'distributor_app'
      AND state <> 'idle'`;
    expect(await world.count(open)).toBe(0);
  });
}, 240_000);

describe('a connection of the pool', () => {
  const WHOSE = {
    name: 'whose_jobs',
    text: `SELECT DISTINCT tenant_id AS tenant FROM distribution_jobs`,
  };
  const FAULT = { name: 'division_by_zero', text: `SELECT 1 / $1::int AS result` };
  const ENDS = { name: 'end_of_this_session', text: `SELECT pg_terminate_backend(pg_backend_pid())` };
  const TOO_LONG = { name: 'too_long', text: `SELECT pg_sleep(60)` };
  const HURRY = { name: 'hurry', text: `SELECT set_config('statement_timeout', '1', true)` };

  let source: DataSource;
  let tenants: TenantTransaction;

  beforeAll(async () => {
    source = new DataSource(sourceOptions('app', sessionUrls(world.database.url, {}).app, POOL_SIZE));
    await source.initialize();
    tenants = new TenantTransaction(source);
    // A session that is ended while nobody uses it.
    (source.driver as unknown as { master: Pool }).master.on('error', () => undefined);
  });

  afterAll(() => source.destroy());

  /** Each leaves the connection in another state; `see` says what a tenant's statements show. */
  const works = (id: TenantId, see: (rows: { tenant: string }[]) => void): (() => Promise<unknown>)[] => [
    async () => see(await tenants.each(id).query(WHOSE, [])),
    () => tenants.run(id, async (tx) => see(await tx.query(WHOSE, []))),
    () => tenants.each(id).query(FAULT, [0]),
    () => tenants.run(id, (tx) => tx.query(FAULT, [0])),
    () =>
      tenants.run(id, async (tx) => {
        see(await tx.query(WHOSE, []));
        throw new Error('of the work itself');
      }),
    () =>
      tenants.run(id, async (tx) => {
        await tx.query(HURRY, []);
        await tx.query(TOO_LONG, []);
      }),
    () =>
      tenants.run(id, async (tx) => {
        await tx.query(FAULT, [0]).catch(() => undefined);
        see(await tx.query(WHOSE, []));
      }),
    () => tenants.run(id, (tx) => tx.query(ENDS, [])),
  ];

  async function settings(): Promise<(string | null)[]> {
    const { master } = source.driver as unknown as { master: Pool };
    const clients: PoolClient[] = [];
    for (let index = 0; index < POOL_SIZE; index++) clients.push(await master.connect());
    try {
      return await Promise.all(
        clients.map(async (client) => {
          const setting = `SELECT current_setting('app.tenant_id', true) AS tenant,
            (SELECT count(*)::int FROM distribution_jobs) AS rows`;
          const [row] = (await client.query<{ tenant: string | null; rows: number }>(setting)).rows;
          return row?.rows === 0 ? row.tenant : `sees ${row?.rows} rows`;
        }),
      );
    } finally {
      for (const client of clients) client.release();
    }
  }

  it('keeps no tenant, whatever became of the transaction', async () => {
    const foreign: string[] = [];
    let seen = 0;
    const all = Array.from({ length: 480 }, (_, index) => async () => {
      const { tenant } = residents[index % residents.length] as Resident;
      const see = (rows: { tenant: string }[]): void => {
        seen++;
        for (const row of rows) if (row.tenant !== tenant.id) foreign.push(`${row.tenant} for ${tenant.id}`);
      };
      const kinds = works(tenant.id as TenantId, see);
      await kinds[Math.floor(index / residents.length) % kinds.length]?.().catch(() => undefined);
    });
    await interleaved(all);
    securityFigure('interleaved_transactions', all.length);
    securityFigure('foreign_rows', foreign.length);
    expect(foreign).toEqual([]);
    // Of 180; one that meets a session that is just ending sees nothing.
    expect(seen).toBeGreaterThan(120);
    for (const setting of await settings()) expect(['', null]).toContain(setting);
  }, 120_000);
});
