import { type Executed, type Statements } from '../model/database';
import { type Tables } from '../model/tables';
import { FAULTS_MS, type Happening, scenarioOf } from './scenario';
import { Violation } from './watch';
import { World } from './world';

/** Everything is over long before. */
const PATIENCE_MS = 120_000;

export interface Simulated {
  /** Virtual, from the first submission to the last outcome. */
  ms: number;
  statements: number;
  deliveries: number;
}

export interface SimulationOptions {
  onExecuted?: (executed: Executed, tables: Tables) => void;
  statements?: Statements | undefined;
}

/**
 * One history: jobs, faults and interventions for twelve seconds, then peace until all is settled.
 *
 * @throws Violation where a promise is broken; the same seed breaks it again.
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Simulated> {
  const scenario = scenarioOf(seed);
  let statements = 0;
  const world: World = new World(
    scenario,
    (executed) => {
      statements++;
      options.onExecuted?.(executed, world.database.tables);
    },
    options.statements,
  );
  const { timeline, watch } = world;
  world.begin();
  for (const job of scenario.jobs) timeline.at(job.at, () => world.submit(job));
  for (const one of scenario.happenings) timeline.at(one.at, () => happen(world, one));
  await timeline.run(FAULTS_MS, () => watch.isViolated);
  heal(world);
  const isOver = (): boolean =>
    watch.isViolated || (world.database.tables.ready.size === 0 && timeline.now > FAULTS_MS);
  await timeline.run(PATIENCE_MS, isOver);
  for (const process of world.processes) process.crash();
  watch.done();
  account(world);
  return { ms: timeline.now, statements, deliveries: world.database.tables.attempts.size };
}

function happen(world: World, one: Happening): void {
  const { destinations, tenants } = world.scenario;
  const process = 'process' in one ? world.process(one.process) : undefined;
  const laneId = 'destination' in one ? (destinations[one.destination % destinations.length]?.id ?? '') : '';
  switch (one.kind) {
    case 'crash':
      return process && world.crash(process);
    case 'terminate':
      return process && world.terminate(process);
    case 'stall':
      return process && world.stall(process, one.ms);
    case 'wake':
      return process?.wake();
    case 'database_down':
      return world.databaseDown(one.ms);
    case 'cancel':
      return world.cancel(one.job);
    case 'replay':
      return world.replay(one.job);
    case 'discard':
      return world.discard(one.job);
    case 'status':
      return world.change(laneId, one.status);
    case 'configuration':
      return world.change(laneId, 'active', one.configuration);
    case 'tenant':
      return world.setTenant(tenants[one.tenant % tenants.length] ?? '', one.status);
    case 'reset_breaker':
      return world.resetBreaker(laneId);
  }
}

/** Whatever was wrong is right again, and what was stopped goes on. */
function heal(world: World): void {
  world.databaseDown(0);
  for (const id of world.scenario.tenants) world.setTenant(id, 'active');
  for (const { id } of world.scenario.destinations) {
    const { ordering: _blocks, ...configuration } =
      world.database.tables.destinations.get(id)?.configuration ?? {};
    world.change(id, 'active', configuration);
  }
  for (const process of world.processes) process.unstall();
  if (!world.processes.some(({ isUsable }) => isUsable)) world.startProcess();
}

/** Nothing lost: every delivery of every job has an end, and the counters say the same as the attempts. */
function account({ database: { tables }, taken, timeline }: World): void {
  const left = [...tables.ready.values()].map(
    (row) => `${tables.job(row.jobId).distributionId}/${row.destinationName}`,
  );
  if (left.length > 0) throw new Violation(`not over after ${timeline.now} ms: ${left.join(', ')}`);
  for (const job of tables.jobs.values()) {
    const ends = job.destinations.map(({ delivery_id }) => tables.attemptsOf(delivery_id).at(-1));
    const open = ends.filter(
      (end) => end === undefined || end.status === 'pending' || end.status === 'retry',
    );
    if (open.length > 0 || job.openDeliveries !== 0) throw new Violation(`${job.distributionId} has no end`);
    const failed = ends.filter((end) => end?.status === 'failed').length;
    if (failed !== job.failedDeliveries)
      throw new Violation(`${job.distributionId} counts ${job.failedDeliveries} failures of ${failed}`);
    const lost = ends.find((end) => end?.status === 'success' && !taken.has(end.deliveryId));
    if (lost !== undefined)
      throw new Violation(`${job.distributionId} succeeded at ${lost.destinationName}, which has nothing`);
    const status = statusOf(job.cancelRequestedAt !== null, failed > 0);
    if (job.status !== status)
      throw new Violation(`${job.distributionId} is ${job.status} instead of ${status}`);
  }
}

function statusOf(isCancelled: boolean, hasFailed: boolean): string {
  if (isCancelled) return 'cancelled';
  return hasFailed ? 'failed' : 'completed';
}
