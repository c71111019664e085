import { Client, type QueryResultRow } from 'pg';
import { migrate } from '../../src/database/migrate';
import { sessionUrls } from '../../src/database/roles';
import { createDatabase, type TestDatabase } from '../support/postgres';

const OLD = '2021-03-15T12:00:00Z';
const TABLES = ['attempt_logs', 'distribution_attempts', 'distribution_job_events', 'distribution_jobs'];

let database: TestDatabase;
let owner: Client;
let system: Client;

beforeAll(async () => {
  database = await createDatabase();
  const sessions = sessionUrls(database.url, {});
  await migrate(database.url, sessions);
  owner = new Client({ connectionString: database.url });
  system = new Client({ connectionString: sessions.system });
  await Promise.all([owner.connect(), system.connect()]);
});

afterAll(async () => {
  await Promise.all([owner.end(), system.end()]);
  await database.drop();
});

async function rows<Row extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
  return (await owner.query<Row>(sql, values)).rows;
}

/** Months that have a partition of a table, e.g. `y2026m11`. */
async function monthsOf(table: string): Promise<string[]> {
  const found = await rows<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1`,
    [table],
  );
  return found.map(({ name }) => name.replace(`${table}_`, ''));
}

/** An id as the service makes them: the time in front. */
async function idAt(moment: string, tail: string): Promise<string> {
  const [row] = await rows<{ id: string }>(
    `SELECT (lpad(to_hex((extract(epoch FROM $1::timestamptz) * 1000)::bigint), 12, '0') || '7000' || $2)::uuid AS id`,
    [moment, tail],
  );
  return row?.id ?? '';
}

async function storeJob(moment: string, tail: string): Promise<string> {
  const id = await idAt(moment, tail);
  await rows(
    `INSERT INTO distribution_jobs (id, tenant_id, distribution_id, data_type, payload, destinations, correlation_id,
       submitted_by, open_deliveries)
     VALUES ($1, 'tenant', $2, 'report', '{}', '[]', 'c', 'test', 0)`,
    [id, `job-${tail}`],
  );
  await rows(
    `INSERT INTO distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_name, attempt_number)
     VALUES ($1, 'tenant', $1, $1, 'sink', 1)`,
    [id],
  );
  await rows(`INSERT INTO attempt_logs VALUES ('tenant', $1, $1, 0, 'info', 'sent')`, [id]);
  await rows(
    `INSERT INTO distribution_job_events (tenant_id, distribution_job_id, from_status, to_status, actor, reason)
     VALUES ('tenant', $1, 'processing', 'failed', 'test', 'test')`,
    [id],
  );
  return id;
}

const countOf = async (table: string, id: string): Promise<number> => {
  const column = table === 'distribution_jobs' ? 'id' : 'distribution_job_id';
  return (await rows(`SELECT FROM ${table} WHERE ${column} = $1`, [id])).length;
};

describe('the months of the history', () => {
  it('have a place for this month and the two after it from the start', async () => {
    const [row] = await rows<{ months: string[] }>(
      `SELECT array_agg(to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n),
         '"y"YYYY"m"MM') ORDER BY n) AS months FROM generate_series(0, 2) n`,
    );
    for (const table of TABLES) expect(await monthsOf(table)).toEqual(row?.months);
  });

  it('are made by the system, any number of times, across the turn of a year', async () => {
    await system.query(`SELECT create_month_partitions('2030-12-31T23:59:59Z', 2)`);
    await system.query(`SELECT create_month_partitions('2030-12-01T00:00:00Z', 2)`);
    for (const table of TABLES) {
      expect(await monthsOf(table)).toEqual(expect.arrayContaining(['y2030m12', 'y2031m01']));
    }
  });

  it('take in a job by the time in its id, to the millisecond', async () => {
    await system.query(`SELECT create_month_partitions('2031-05-01T00:00:00Z', 2)`);
    const last = await storeJob('2031-05-31T23:59:59.999Z', 'a000000000000001');
    const first = await storeJob('2031-06-01T00:00:00Z', '8000000000000002');
    const place = async (id: string) =>
      (await rows('SELECT tableoid::regclass::text AS place FROM distribution_jobs WHERE id = $1', [id]))[0];
    expect(await place(last)).toEqual({ place: 'distribution_jobs_y2031m05' });
    expect(await place(first)).toEqual({ place: 'distribution_jobs_y2031m06' });
  });

  it('have no place for a job of a month that was not made', async () => {
    await expect(storeJob('2019-01-01T00:00:00Z', 'a000000000000003')).rejects.toMatchObject({
      code: '23514',
    });
  });

  it('are as closed as their parents', async () => {
    await system.query(`SELECT create_month_partitions($1, 1)`, [OLD]);
    await expect(system.query('SELECT FROM distribution_jobs_y2021m03')).rejects.toMatchObject({
      code: '42501',
    });
    const [row] = await rows(
      `SELECT relrowsecurity AND relforcerowsecurity AS forced FROM pg_class WHERE relname = 'distribution_jobs_y2021m03'`,
    );
    expect(row).toEqual({ forced: true });
  });
});

describe('a month that leaves', () => {
  it('takes its rows along and leaves the others, with key and cascade as they were', async () => {
    await system.query(`SELECT create_month_partitions($1, 2)`, [OLD]);
    const old = await storeJob(OLD, 'a000000000000011');
    const younger = await storeJob('2021-04-01T00:00:00Z', 'a000000000000012');

    await system.query(`SELECT drop_month_partitions($1)`, [OLD]);
    await system.query(`SELECT drop_month_partitions($1)`, [OLD]);

    for (const table of TABLES) {
      expect(await monthsOf(table)).not.toContain('y2021m03');
      expect({ table, old: await countOf(table, old), younger: await countOf(table, younger) }).toEqual({
        table,
        old: 0,
        younger: 1,
      });
    }
    const orphan = rows(
      `INSERT INTO distribution_attempts (id, tenant_id, distribution_job_id, delivery_id, destination_name, attempt_number)
       VALUES ($1, 'tenant', $1, $1, 'sink', 1)`,
      [await idAt('2021-04-02T00:00:00Z', 'a000000000000013')],
    );
    await expect(orphan).rejects.toMatchObject({ code: '23503' });
    await rows('DELETE FROM distribution_jobs WHERE id = $1', [younger]);
    expect(await countOf('distribution_attempts', younger)).toBe(0);
  });

  it('can come again', async () => {
    await system.query(`SELECT create_month_partitions('2021-08-01T00:00:00Z', 1)`);
    await system.query(`SELECT drop_month_partitions('2021-08-31T23:59:59Z')`);
    await system.query(`SELECT create_month_partitions('2021-08-15T00:00:00Z', 1)`);
    const id = await storeJob('2021-08-09T00:00:00Z', 'a000000000000021');
    expect(await countOf('distribution_attempts', id)).toBe(1);
  });
});

describe('the name of a job', () => {
  it('is unique over all months of its tenant, and free to other tenants', async () => {
    const take = async (tenant: string, moment: string, tail: string): Promise<number> => {
      const result = await owner.query(
        `INSERT INTO distribution_keys (tenant_id, distribution_id, distribution_job_id)
         VALUES ($1, 'yearly-report', $2) ON CONFLICT DO NOTHING`,
        [tenant, await idAt(moment, tail)],
      );
      return result.rowCount ?? 0;
    };
    expect(await take('tenant', '2021-04-01T00:00:00Z', 'a000000000000031')).toBe(1);
    expect(await take('tenant', '2031-05-01T00:00:00Z', 'a000000000000032')).toBe(0);
    expect(await take('other', '2031-05-01T00:00:00Z', 'a000000000000033')).toBe(1);
  });
});
