import { rm } from 'node:fs/promises';
import { Pool, type QueryResultRow } from 'pg';
import { createTenant, must, type TestTenant } from '../../support/api';
import { eventually } from '../../support/eventually';
import { createDatabase } from '../../support/postgres';
import { type Behaviour, ok, Receiver } from '../../support/receiver';
import { type ServiceOptions, TestService } from '../../support/service';
import { temporaryDirectory } from '../../support/temporary-directory';
import { type JsonObject } from '../../../src/kernel/json';
import { Book } from './book';
import { Ledger } from './ledger';
import { Load, type LoadOptions } from './load';
import { Random } from './random';

/** Of workers that are lost: short enough to wait for its end, long enough that a busy machine renews it in time. */
export const LEASE_SECONDS = 4;

const BATCH = 1000;

export interface Database {
  /** For the scenario itself, past every fault. */
  url: string;
  /** For the service, through the fault where there is one; the same where it is not given. */
  served?: string;
}

/** One deployment of the service under one fault: processes, receivers with their ledger, and what was promised. */
export class Chaos {
  readonly ledger = new Ledger();
  readonly book = new Book();
  readonly random: Random;
  readonly processes: TestService[] = [];
  private readonly endings: (() => Promise<unknown>)[] = [];
  private opened: { database: Database; pool: Pool; receiver: Receiver; dataDir: string } | undefined;

  constructor(
    readonly seed: number,
    readonly isLong: boolean,
  ) {
    this.random = new Random(seed);
  }

  /** How much of something: in `npm test`, and in `npm run test:chaos`. */
  scaled(short: number, long: number): number {
    return this.isLong ? long : short;
  }

  /** A new database on the shared server, or the one given; before the first process. Gives its address. */
  async open(database?: Database): Promise<string> {
    const used = database ?? (await this.sharedDatabase());
    const pool = new Pool({ connectionString: used.url, max: 2 });
    // Faults end its sessions; the next query takes a new one.
    pool.on('error', () => undefined);
    this.atEnd(() => pool.end());
    const dataDir = await temporaryDirectory('chaos');
    this.atEnd(() => rm(dataDir, { recursive: true, force: true }));
    const receiver = await Receiver.start();
    this.atEnd(() => receiver.stop());
    this.opened = { database: used, pool, receiver, dataDir };
    return used.url;
  }

  /** A process of the built service, with the same database and keys as the others. */
  async start(
    env: NodeJS.ProcessEnv = {},
    launch: Pick<ServiceOptions, 'nodeFlags' | 'launcher'> = {},
  ): Promise<TestService> {
    const { database, dataDir } = this.world;
    const service = await TestService.start({
      databaseUrl: database.served ?? database.url,
      dataDir,
      env,
      ...launch,
    });
    this.processes.push(service);
    this.atEnd(() => service.dispose());
    return service;
  }

  /** Answers the API: the first process that was started. */
  get api(): TestService {
    const [first] = this.processes;
    if (first === undefined) throw new Error('start a process first');
    return first;
  }

  tenant(id: string): Promise<TestTenant> {
    return createTenant(() => this.api.url, this.api.adminKey, id);
  }

  get receiver(): Receiver {
    return this.world.receiver;
  }

  /** Registers a REST destination whose receiver keeps the ledger; gives its place there. */
  async destination(
    tenant: TestTenant,
    name: string,
    behaviour: Behaviour = ok,
    configuration: JsonObject = {},
  ): Promise<string> {
    const place = `${tenant.id}/${name}`;
    const endpoint = this.receiver.on(`/${place}`, this.noted(place, behaviour));
    await tenant.api.register(name, { endpoint, ...configuration });
    return place;
  }

  /** A behaviour that writes what it sees and answers into the ledger. */
  private noted(place: string, behaviour: Behaviour): Behaviour {
    return async (receipt, nth) => {
      const arrival = this.ledger.arrived(place, receipt.id, receipt.distributionId, receipt.attempt);
      const answer = await behaviour(receipt, nth);
      arrival.taken = answer.status < 300;
      return answer;
    };
  }

  /** Begins to submit; await `done`, or `settled`. */
  load(options: LoadOptions): Load {
    const load = new Load(options, this.book);
    this.atEnd(async () => load.abandon());
    return load;
  }

  /** Submits so many jobs in batches, `bulk-0`, `bulk-1` and so on; returns when all are acknowledged. */
  async bulk(tenant: TestTenant, jobs: number, destinations: string[]): Promise<void> {
    for (let first = 0; first < jobs; first += BATCH) {
      const ids = Array.from({ length: Math.min(BATCH, jobs - first) }, (_none, at) => `bulk-${first + at}`);
      const batch = ids.map((distribution_id) => ({
        distribution_id,
        data_type: 'report',
        payload: {},
        destinations,
      }));
      expect(must(await tenant.api.bulk(batch), 202).body.rejected).toEqual([]);
      for (const id of ids) this.book.acknowledged(tenant.id, id, destinations.length);
    }
  }

  /** Until nothing waits to be delivered. */
  settled(withinMs = 60_000): Promise<void> {
    return eventually({ until: 'every delivery to be settled', withinMs, everyMs: 50 }, async () => {
      expect(await this.count('FROM ready_attempts')).toBe(0);
    });
  }

  /** Ids of the deliveries that a process holds; of one that was killed, those that it held when it died. */
  async leasedBy({ pid }: TestService): Promise<string[]> {
    const rows = await this.rows<{ id: string }>(
      `SELECT delivery_id AS id FROM ready_attempts
       WHERE leased_by = (SELECT id FROM nodes WHERE pid = $1 ORDER BY started_at DESC LIMIT 1)`,
      [pid],
    );
    return rows.map(({ id }) => id);
  }

  /** Until none of these deliveries is under the attempt that was planned when this was called. */
  async madeAgain(deliveries: string[], withinMs: number): Promise<void> {
    const planned = await this.rows<{ id: string }>(
      `SELECT id FROM distribution_attempts WHERE delivery_id = ANY ($1) AND status = 'pending'`,
      [deliveries],
    );
    await eventually({ until: 'the lost attempts to be made', withinMs, everyMs: 50 }, async () => {
      const ids = planned.map(({ id }) => id);
      expect(
        await this.count(`FROM distribution_attempts WHERE id = ANY ($1) AND status = 'pending'`, [ids]),
      ).toBe(0);
    });
  }

  /** Past every policy: what is really stored. */
  async rows<Row extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.world.pool.query<Row>(sql, values)).rows;
  }

  async count(fromAndWhere: string, values: unknown[] = []): Promise<number> {
    const [row] = await this.rows<{ count: string }>(`SELECT count(*) AS count ${fromAndWhere}`, values);
    return Number(row?.count);
  }

  /** No process has ended: a fault outside them is no reason to. */
  async expectAllAlive(): Promise<void> {
    for (const { url } of this.processes) expect((await fetch(`${url}/health/live`)).status).toBe(200);
  }

  /** Runs when the scenario is over, however it ended, the last one first. */
  atEnd(ending: () => Promise<unknown>): void {
    this.endings.push(ending);
  }

  async end(): Promise<void> {
    for (const ending of this.endings.reverse()) await ending();
  }

  private get world(): { database: Database; pool: Pool; receiver: Receiver; dataDir: string } {
    if (this.opened === undefined) throw new Error('open the database first');
    return this.opened;
  }

  private async sharedDatabase(): Promise<Database> {
    const database = await createDatabase();
    this.atEnd(() => database.drop());
    return { url: database.url };
  }
}
