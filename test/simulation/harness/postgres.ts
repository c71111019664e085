import { Client, type QueryResultRow } from 'pg';
import { configure } from 'safe-stable-stringify';
import { migrate } from '../../../src/database/migrate';
import { sessionUrls } from '../../../src/database/roles';
import { createDatabase, type TestDatabase } from '../../support/postgres';
import { type Executed } from '../model/database';
import { EPOCH, type Moment, type Tables } from '../model/tables';
import { type Row } from '../model/values';

/** `now()` of src's statements is this one, because its schema stands before pg_catalog in the search path. */
const VIRTUAL_NOW = `
  CREATE SCHEMA simulated;
  CREATE FUNCTION simulated.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT current_setting('simulated.now')::timestamptz $$;
  GRANT USAGE ON SCHEMA simulated TO PUBLIC`;

const EMPTY = `
  TRUNCATE tenants, destinations, distribution_jobs, distribution_attempts, distribution_keys, ready_attempts, lanes,
    ordering_blocks, dead_letters, nodes CASCADE;
  ALTER SEQUENCE ordering_seq RESTART`;

/** What only PostgreSQL or only the model knows. */
const NOT_COMPARED = new Set(['accepted_at', 'weight', 'payload']);

const canonical = configure({ deterministic: true });

/** A PostgreSQL whose time is that of a simulation, with the sessions that the service has. */
export class VirtualPostgres {
  private constructor(
    private readonly database: TestDatabase,
    private readonly owner: Client,
    private readonly app: Client,
    private readonly system: Client,
  ) {}

  static async create(): Promise<VirtualPostgres> {
    const database = await createDatabase();
    const sessions = sessionUrls(database.url, {});
    await migrate(database.url, sessions);
    const clients = [database.url, sessions.app, sessions.system].map(
      (connectionString) => new Client({ connectionString }),
    ) as [Client, Client, Client];
    const [owner, app, system] = clients;
    for (const client of clients) await client.connect();
    await owner.query(VIRTUAL_NOW);
    for (const client of clients) await client.query('SET search_path = simulated, pg_catalog, public');
    return new VirtualPostgres(database, owner, app, system);
  }

  empty(): Promise<unknown> {
    return this.owner.query(EMPTY);
  }

  /** The same statement with the same values at the same time in the same kind of session. */
  async execute({ now, tenantId, statement, values }: Executed): Promise<Row[]> {
    const session = tenantId === '' ? this.system : this.app;
    const client = statement.name.startsWith('simulated_') ? this.owner : session;
    await client.query({
      name: 'simulated_session',
      text: `SELECT set_config('simulated.now', $1, false), set_config('app.tenant_id', $2, false)`,
      values: [timestamp(now), tenantId],
    });
    return (await client.query<Row>({ ...statement, values })).rows;
  }

  /** What stands in the tables, in the words of `contents`. */
  async contents(): Promise<Record<string, string[]>> {
    const all: Record<string, string[]> = {};
    for (const [table, sql] of Object.entries(CONTENTS))
      all[table] = normalised((await this.owner.query<QueryResultRow>(sql)).rows);
    return all;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.owner, this.app, this.system].map((client) => client.end()));
    await this.database.drop();
  }
}

function timestamp(now: Moment): string {
  const whole = Math.floor(now);
  const micros = String(Math.round((now - whole) * 1000)).padStart(3, '0');
  return new Date(EPOCH + whole).toISOString().replace('Z', `${micros}Z`);
}

/** Rows in no order, with what both sides know, times to the microsecond. */
export function normalised(rows: readonly Row[], names?: ReadonlySet<string>): string[] {
  return rows
    .map((row) => {
      const wanted = Object.entries(row).filter(
        ([name]) => !NOT_COMPARED.has(name) && names?.has(name) !== false,
      );
      return canonical(Object.fromEntries(wanted.map(([name, value]) => [name, rounded(value)]))) ?? '';
    })
    .sort();
}

function rounded(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value;
}

const ms = (column: string): string =>
  `round(extract(epoch FROM nullif(${column}, 'infinity') - '2040-01-01Z'::timestamptz) * 1000, 3)::float8`;

const CONTENTS = {
  ready: `
    SELECT delivery_id, attempt_id, attempt_number, round_start, lane_id, rank, ${ms('due_at')} AS due_at,
      ${ms('expires_at')} AS expires_at, leased_by, fence, ordering_key, ordering_seq::int
    FROM ready_attempts`,
  jobs: `
    SELECT id, status, open_deliveries, failed_deliveries, cancel_requested_at IS NOT NULL AS cancelling
    FROM distribution_jobs`,
  attempts: `
    SELECT id, delivery_id, attempt_number, status, error_code, ${ms('next_attempt_at')} AS next_attempt_at,
      started_at IS NOT NULL AS was_sent
    FROM distribution_attempts`,
  lanes: `
    SELECT lane_id, owned_by, ${ms('owned_until')} AS owned_until, breaker, consecutive_failures,
      ${ms('opened_at')} AS opened_at, ${ms('probe_at')} AS probe_at, ${ms('paused_until')} AS paused_until
    FROM lanes`,
  letters: `SELECT delivery_id, status FROM dead_letters`,
  nodes: `
    SELECT id, lost_after_seconds, ${ms('heard_since')} AS heard_since, ${ms('heartbeat_at')} AS heartbeat_at
    FROM nodes`,
  blocks: `SELECT delivery_id, lane_id, ordering_key, ordering_seq::int FROM ordering_blocks`,
};

const finite = (at: Moment | null): number | null => (at === Infinity ? null : at);

/** The same of the model. */
export function contentsOf(tables: Tables): Record<keyof typeof CONTENTS, string[]> {
  return {
    ready: normalised(
      [...tables.ready.values()].map((row) => ({
        delivery_id: row.deliveryId,
        attempt_id: row.attemptId,
        attempt_number: row.attemptNumber,
        round_start: row.roundStart,
        lane_id: row.laneId,
        rank: row.rank,
        due_at: finite(row.dueAt),
        expires_at: finite(row.expiresAt),
        leased_by: row.leasedBy,
        fence: row.fence,
        ordering_key: row.orderingKey,
        ordering_seq: row.orderingSeq,
      })),
    ),
    jobs: normalised(
      [...tables.jobs.values()].map((job) => ({
        id: job.id,
        status: job.status,
        open_deliveries: job.openDeliveries,
        failed_deliveries: job.failedDeliveries,
        cancelling: job.cancelRequestedAt !== null,
      })),
    ),
    attempts: normalised(
      [...tables.attempts.values()].map((attempt) => ({
        id: attempt.id,
        delivery_id: attempt.deliveryId,
        attempt_number: attempt.attemptNumber,
        status: attempt.status,
        error_code: attempt.errorCode,
        next_attempt_at: finite(attempt.nextAttemptAt),
        was_sent: attempt.wasSent,
      })),
    ),
    lanes: normalised(
      [...tables.lanes.values()].map((lane) => ({
        lane_id: lane.laneId,
        owned_by: lane.ownedBy,
        owned_until: finite(lane.ownedUntil),
        breaker: lane.breaker,
        consecutive_failures: lane.failures,
        opened_at: finite(lane.openedAt),
        probe_at: finite(lane.probeAt),
        paused_until: finite(lane.pausedUntil),
      })),
    ),
    letters: normalised(
      tables.letters.map(({ deliveryId, status }) => ({ delivery_id: deliveryId, status })),
    ),
    nodes: normalised(
      [...tables.nodes].map(([id, node]) => ({
        id,
        lost_after_seconds: node.lostAfterSeconds,
        heard_since: node.heardSince,
        heartbeat_at: node.heartbeatAt,
      })),
    ),
    blocks: normalised(
      [...tables.blocks.values()].map((block) => ({
        delivery_id: block.deliveryId,
        lane_id: block.laneId,
        ordering_key: block.orderingKey,
        ordering_seq: block.orderingSeq,
      })),
    ),
  };
}
