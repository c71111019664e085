import { Client } from 'pg';
import { createTenant, must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { OwnPostgres } from '../support/own-postgres';
import { metric } from '../support/prometheus';
import { TestService } from '../support/service';

let primary: OwnPostgres;
let replica: OwnPostgres;
let service: TestService;
let roma: TestTenant;
let milano: TestTenant;

beforeAll(async () => {
  primary = await OwnPostgres.start();
  replica = await primary.replica();
  // Without a login it has that of tenants' sessions.
  const readUrl = new URL(replica.url);
  [readUrl.username, readUrl.password] = ['', ''];
  service = await TestService.start({
    databaseUrl: primary.url,
    env: { DATABASE_READ_URL: readUrl.href, ROLE: 'api' },
  });
  roma = await createTenant(() => service.url, service.adminKey, 'roma');
  milano = await createTenant(() => service.url, service.adminKey, 'milano');
}, 180_000);

afterAll(async () => {
  await service?.dispose();
  await replica?.dispose();
  await primary?.dispose();
});

async function onReplica<Row extends object>(sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: replica.url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const namesOf = async ({ api }: TestTenant): Promise<string[]> =>
  (await api.listAll()).map(({ distribution_id }) => distribution_id);

/** Until a list was asked of the replica: its session says what it did last. */
const replicaServes = (): Promise<void> =>
  eventually({ until: 'lists to be read from the replica', withinMs: 60_000, everyMs: 200 }, async () => {
    await namesOf(roma);
    const sessions = await onReplica(
      `SELECT FROM pg_stat_activity WHERE application_name = 'distributor read' AND usename = 'distributor_app'`,
    );
    expect(sessions).not.toEqual([]);
  });

const lags = (expected: (seconds: number | undefined) => void): Promise<void> =>
  eventually({ until: 'the lag of the replica', withinMs: 60_000, everyMs: 200 }, async () =>
    expected(await metric(service.url, 'zenia_distribution_replica_lag_seconds')),
  );

const accepted = ({ api }: TestTenant, id: string): Promise<string> =>
  api.accepted({ distribution_id: id, destinations: [] });

describe('a service with a read replica', () => {
  it('reads lists there, each tenant its own, and what was just written from the primary', async () => {
    await replicaServes();
    await accepted(roma, 'early');
    await accepted(milano, 'elsewhere');
    await eventually({ until: 'the replica to have both' }, async () => {
      expect(await namesOf(roma)).toEqual(['early']);
      expect(await namesOf(milano)).toEqual(['elsewhere']);
    });
    await onReplica('SELECT pg_wal_replay_pause()');
    await eventually({ until: 'the replica to stand still' }, async () => {
      expect(await onReplica('SELECT pg_get_wal_replay_pause_state() AS state')).toEqual([
        { state: 'paused' },
      ]);
    });
    await accepted(roma, 'late');
    must(await roma.api.status('late'), 200);
    expect(await namesOf(roma)).toEqual(['early']);
    await lags((seconds) => expect(seconds).toBeGreaterThan(1));
    await onReplica('SELECT pg_wal_replay_resume()');
    await eventually({ until: 'the replica to have caught up' }, async () => {
      expect(await namesOf(roma)).toEqual(['late', 'early']);
    });
    await lags((seconds) => expect(seconds).toBe(0));
    expect(must(await roma.api.deadLetters(), 200).body.dead_letters).toEqual([]);
  });

  it('reads lists from the primary while the replica is away', async () => {
    await replicaServes();
    await replica.stopImmediately();
    const id = await accepted(roma, 'meanwhile');
    expect(await namesOf(roma)).toContain(id);
    expect(service.logs.map(({ msg }) => msg)).toContain('replica away');
    await lags((seconds) => expect(seconds).toBeUndefined());
    await replica.start();
    await replicaServes();
  });

  it('does not start with a login there that policies do not bind', async () => {
    const env = { DATABASE_READ_URL: replica.url, ROLE: 'api', DATA_DIR: service.dataDir };
    const { code, words } = await TestService.refusal({ databaseUrl: primary.url, env });
    expect(code).toBe(1);
    expect(words).toContain('DATABASE_READ_URL');
    expect(words).toContain('superuser');
  });
});
