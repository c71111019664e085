import { type Outcome } from '../../../src/adapters/port';
import { type Statement } from '../../../src/database/statement';
import { Cancellations } from '../../../src/delivery/cancel';
import { type ClaimedDelivery } from '../../../src/delivery/claim';
import { Expiries } from '../../../src/delivery/expiries';
import {
  type DestinationId,
  type DistributionId,
  type JobId,
  newId,
  type TenantId,
} from '../../../src/kernel/ids';
import { type DueLane } from '../../../src/kernel/priority';
import { planJob, withoutRules } from '../../../src/planning/plan';
import { dueLanes, type PlannedJob, storePlanned } from '../../../src/planning/store';
import { replayJobs } from '../../../src/replay/replay';
import { type KnownDestination } from '../../../src/tenants/destination-catalogue';
import { type Duty } from '../../../src/upkeep/duty';
import { expire } from '../../../src/upkeep/expire';
import { BEAT, BEAT_MS, GAP_SECONDS, LOST_AFTER_SECONDS } from '../../../src/upkeep/heartbeat';
import { ordering } from '../../../src/upkeep/ordering';
import { rescue } from '../../../src/upkeep/rescue';
import { Random } from '../../chaos/harness/random';
import * as administration from '../model/administration';
import { type Executed, ModelDatabase, type ModelTx, type Statements } from '../model/database';
import { EPOCH } from '../model/tables';
import { receive } from './destination';
import { SimulatedProcess } from './process';
import { FAULTS_MS, type Scenario, type ScenarioJob } from './scenario';
import { Timeline } from './timeline';
import { Watch } from './watch';

const RESET_BREAKER: Statement = {
  name: 'reset_breaker',
  text: `
    UPDATE lanes
    SET breaker = 'closed', consecutive_failures = 0, opened_at = NULL, probe_at = NULL, paused_until = NULL,
      reset_at = now()
    WHERE lane_id = $1`,
};

/** Processes, a database, destinations and time, all of it from one seed. */
export class World {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly watch: Watch;
  readonly database: ModelDatabase;
  /** Deliveries that a destination has taken. */
  readonly taken = new Set<string>();
  processes: SimulatedProcess[] = [];
  private downUntil = 0;
  private readonly heldUp = new Map<string, number>();
  private nodes = 0;

  constructor(
    readonly scenario: Scenario,
    onExecuted: (executed: Executed) => void,
    statements?: Statements,
  ) {
    this.random = new Random(scenario.seed ^ 0x5eed);
    this.watch = new Watch(
      () => this.database.tables,
      scenario,
      (node, since) => (this.heldUp.get(node) ?? -1) >= since || !this.isQuiet,
      (node, since) => (this.heldUp.get(node) ?? -1) >= since,
    );
    this.database = new ModelDatabase((executed) => {
      onExecuted(executed);
      this.watch.executed(executed);
    }, statements);
  }

  get isDatabaseDown(): boolean {
    return this.downUntil > this.timeline.now;
  }

  /** No statement gets lost in this scenario. */
  private get isQuiet(): boolean {
    const { unsent, happenings } = this.scenario;
    return unsent === 0 && !happenings.some(({ kind }) => kind === 'database_down');
  }

  get isHealed(): boolean {
    return this.timeline.now >= FAULTS_MS;
  }

  transact<T>(tenantId: string, work: (tx: ModelTx) => Promise<T>): Promise<T> {
    return this.database.transact(this.timeline.now, tenantId, work);
  }

  /** How long a statement and its answer are under way, and whether they arrive. */
  fateOfStatement() {
    const { unsent, unanswered } = this.scenario;
    const ms = (): number =>
      this.random.next() < 0.03 ? this.random.between(20, 400) : this.random.between(1, 3);
    const chance = this.isHealed ? 1 : this.random.next();
    return {
      there: ms(),
      back: ms(),
      isUnsent: chance < unsent,
      isUnanswered: chance >= unsent && chance < unsent + unanswered,
    };
  }

  /** Tables, duties and the first processes. */
  begin(): void {
    const { tenants, destinations, processes } = this.scenario;
    this.administrate('', async (tx) => {
      for (const id of tenants) await tx.query(administration.ADD_TENANT, [id]);
      for (const { id, tenantId, name, configuration } of destinations)
        await tx.query(administration.ADD_DESTINATION, [id, tenantId, name, JSON.stringify(configuration)]);
    });
    for (let count = 0; count < processes; count++) this.startProcess();
    this.upkeep(
      1000,
      expire(new Expiries({ run: (id, work) => this.transact(id, work) }, 30, (due) => this.wake(due))),
    );
    this.upkeep(
      1000,
      ordering(() => this.timeline.now),
    );
    this.upkeep(1000, rescue);
    this.beatOfScheduler();
  }

  /** It neither crashes nor stalls: what it does is a transaction each. */
  private beatOfScheduler(): void {
    this.beat('00000000-0000-4000-a000-000000000000');
    this.timeline.at(this.timeline.now + BEAT_MS, () => this.beatOfScheduler());
  }

  startProcess(): void {
    const node = `00000000-0000-4000-9000-${String(++this.nodes).padStart(12, '0')}`;
    this.processes.push(new SimulatedProcess(node, this, this.watch));
  }

  process(which: number): SimulatedProcess | undefined {
    const usable = this.processes.filter(({ isUsable }) => isUsable);
    return usable[which % Math.max(1, usable.length)];
  }

  /** Another one takes its place after a while. */
  crash(process: SimulatedProcess): void {
    process.crash();
    this.heldUp.set(process.node, Infinity);
    this.watch.lanes.lost(process.node);
    this.timeline.at(this.timeline.now + this.random.between(0, 3000), () => this.startProcess());
  }

  terminate(process: SimulatedProcess): void {
    this.heldUp.set(process.node, Infinity);
    process.terminate();
    this.timeline.at(this.timeline.now + this.random.between(0, 3000), () => this.startProcess());
  }

  stall(process: SimulatedProcess, ms: number): void {
    this.heldUp.set(process.node, this.timeline.now + ms);
    process.stall(ms);
  }

  databaseDown(ms: number): void {
    this.downUntil = this.timeline.now + ms;
  }

  beat(node: string): void {
    const values = [node, 'worker', '', 0, '1', '{}', LOST_AFTER_SECONDS, GAP_SECONDS];
    if (!this.isDatabaseDown) this.administrate('', (tx) => tx.query(BEAT, values));
  }

  submit(job: ScenarioJob): void {
    if (this.isDatabaseDown) {
      this.timeline.at(this.timeline.now + 500, () => this.submit(job));
      return;
    }
    const planned = plannedOf(job);
    this.administrate(job.tenantId, (tx) => storePlanned(tx, [planned]));
    this.wake(dueLanes([planned]));
  }

  /** The process that took a job is woken, others get a hint, or not, or twice. */
  private wake(due: readonly DueLane[]): void {
    if (due.length === 0) return;
    this.process(this.random.between(0, 9))?.wake(due);
    const ids = due.map(({ laneId }) => laneId);
    for (let hints = this.random.between(0, 2); hints > 0; hints--)
      this.process(this.random.between(0, 9))?.hint(ids);
  }

  cancel(which: number): void {
    const job = this.job(which);
    if (job === undefined) return;
    const tenants = { run: <T>(id: TenantId, work: (tx: ModelTx) => Promise<T>) => this.transact(id, work) };
    const caller = {
      tenantId: job.tenantId as TenantId,
      actor: 'test',
      requestId: 'r',
      scopes: new Set<never>(),
    };
    this.unfailing(new Cancellations(tenants, (due) => this.wake(due)).cancel(caller, job.distributionId));
  }

  replay(which: number): void {
    const job = this.job(which);
    if (job === undefined) return;
    const order = {
      actor: 'test',
      reason: undefined,
      wish: () => ({ onlyFailed: true }),
      nextDueAt: () => undefined,
    };
    this.administrate(job.tenantId, (tx) => replayJobs(tx, [job.id as JobId], order));
  }

  discard(which: number): void {
    const job = this.job(which);
    const [delivery] = job?.destinations ?? [];
    if (job === undefined || delivery === undefined) return;
    this.administrate(job.tenantId, (tx) => tx.query(administration.DISCARD, [delivery.delivery_id]));
  }

  change(
    laneId: string,
    status: 'active' | 'maintenance' | 'inactive' | 'deleted',
    configuration?: object,
  ): void {
    const now = this.database.tables.destinations.get(laneId);
    if (now === undefined || now.deletedAt !== null) return;
    const isDeleted = status === 'deleted';
    const json = JSON.stringify(configuration ?? now.configuration);
    const values = [laneId, isDeleted ? now.status : status, json, isDeleted];
    this.administrate(now.tenantId, (tx) => tx.query(administration.CHANGE_DESTINATION, values));
  }

  disable(laneId: string): void {
    if (!this.isHealed) this.change(laneId, 'inactive');
  }

  setTenant(id: string, status: 'active' | 'suspended'): void {
    this.administrate('', (tx) => tx.query(administration.SET_TENANT_STATUS, [id, status]));
  }

  resetBreaker(laneId: string): void {
    const tenantId = this.database.tables.destinations.get(laneId)?.tenantId ?? '';
    this.administrate(tenantId, (tx) => tx.query(RESET_BREAKER, [laneId]));
  }

  /** As it is stored at this moment; undefined where it was deleted. */
  knownDestination(laneId: string): KnownDestination | undefined {
    const row = this.database.tables.destinations.get(laneId);
    if (row === undefined || row.deletedAt !== null) return undefined;
    return {
      id: row.id as DestinationId,
      name: row.name,
      protocol: 'REST',
      status: row.status,
      health_status: 'unknown',
      tags: [],
      version: row.version,
      configuration: row.configuration,
      transform_config: {},
    };
  }

  receive(process: SimulatedProcess, claimed: ClaimedDelivery, signal: AbortSignal): Promise<Outcome> {
    const { timeline, watch } = this;
    watch.sent(claimed, process.node, timeline.now);
    return receive(this, process, claimed, signal).then((outcome) => {
      watch.answered(claimed, process.node, outcome, timeline.now);
      return outcome;
    });
  }

  private upkeep(everyMs: number, duty: Duty): void {
    if (!this.isDatabaseDown) this.administrate('', (tx) => duty.run(tx));
    this.timeline.at(this.timeline.now + everyMs, () => this.upkeep(everyMs, duty));
  }

  private administrate(tenantId: string, work: (tx: ModelTx) => Promise<unknown>): void {
    this.unfailing(this.transact(tenantId, work));
  }

  private unfailing(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.watch.violated(`a fault that nobody planned: ${String(error)}`));
  }

  private job(which: number) {
    const jobs = [...this.database.tables.jobs.values()];
    return jobs[which % Math.max(1, jobs.length)];
  }
}

const instant = (at: number | undefined): Date | undefined =>
  at === undefined ? undefined : new Date(EPOCH + at);

function plannedOf({ name, tenantId, destinations, ...job }: ScenarioJob): PlannedJob {
  const draft = {
    id: newId<JobId>(),
    tenantId: tenantId as TenantId,
    distributionId: name as DistributionId,
    dataType: 'simulated',
    priority: job.priority,
    source: 'test',
    payload: {},
    metadata: {},
    destinations: destinations.map((destination) => ({
      name: destination.name,
      protocol: 'REST' as const,
      destinationId: destination.id as DestinationId,
      inline: null,
      transform: null,
      filters: null,
      maxAttempts: null,
    })),
  };
  return {
    ...draft,
    plan: planJob(draft, withoutRules(draft)),
    storedPayload: {},
    options: job.orderingKey === undefined ? {} : { ordering_key: job.orderingKey },
    callback: undefined,
    idempotencyKey: undefined,
    requestHash: undefined,
    maxRetries: job.maxRetries,
    expiresAt: instant(job.expiresAt),
    ttlSeconds: undefined,
    deliverAt: instant(job.deliverAt),
    correlationId: 'c',
    batchId: undefined,
    submittedBy: 'test',
  };
}
