import { inWorld, type World } from '../delivery/world';
import { submitAll } from '../load';
import { cpuSeconds, type Receiver, type Service, startReceiver } from '../processes';
import { type Report } from '../report';

/** Nothing is delivered while the backlog is made. */
const API = { ROLE: 'api' };
const MOST_WORKERS = 4;

/** What a backlog consists of, and what each worker process may have in flight. */
interface Kind {
  name: string;
  destinations: string[];
  concurrency: number;
}

const SLOW = ['slow-1', 'slow-2', 'slow-3', 'slow-4'];
/** Their processor is the limit of the workers. */
const QUICK: Kind = { name: 'quick', destinations: ['one'], concurrency: 512 };
/**
 * Waiting is: of 32 slots four lanes take at most 18 (delivery/shares.ts), and with 50 ms an answer that is 360
 * deliveries a second for each process.
 */
const WAITING: Kind = { name: 'waiting', destinations: SLOW, concurrency: 32 };
/** One process that may wait for as many answers as four of them. */
const WIDE: Kind = { ...WAITING, name: 'waiting_wide', concurrency: WAITING.concurrency * MOST_WORKERS };

/** The same backlog drained by one, two, three and four worker processes, everything on one machine. */
export async function scalingBench(report: Report, { short }: { short: boolean }): Promise<void> {
  const receiver = await startReceiver();
  try {
    const backlog = (whole: number): number => (short ? whole / 4 : whole);
    await curve(report, receiver, QUICK, backlog(16_000));
    const one = await curve(report, receiver, WAITING, backlog(6000));
    const wide = await drained(receiver, WIDE, backlog(6000), 1);
    tell(report, WIDE, 1, wide, one);
  } finally {
    receiver.stop();
  }
}

/** Gives what one worker did. */
async function curve(report: Report, receiver: Receiver, kind: Kind, backlog: number): Promise<Drained> {
  const one = await drained(receiver, kind, backlog, 1);
  tell(report, kind, 1, one, one);
  for (let workers = 2; workers <= MOST_WORKERS; workers++) {
    tell(report, kind, workers, await drained(receiver, kind, backlog, workers), one);
  }
  return one;
}

function tell(report: Report, { name }: Kind, workers: number, drained: Drained, one: Drained): void {
  const figure = `${name}_${workers}_workers`;
  const baseline = { baseline: 'one worker', baseline_value: one.rate, ratio: drained.rate / one.rate };
  report({ scenario: 'scaling', figure, value: drained.rate, unit: '/s', ...baseline });
  const alone = (what: string, value: number, unit: string): void =>
    report({ scenario: 'scaling', figure: `${figure}_${what}`, value, unit });
  alone('cpu', drained.workerCores, 'cores');
  alone('postgres_cpu', drained.postgresCores, 'cores');
  alone('doubles', drained.doubles, 'deliveries');
}

interface Drained {
  /** Deliveries a second, from the moment at which they may be made to the last one. */
  rate: number;
  /** Processor time of all workers in each second of it. */
  workerCores: number;
  postgresCores: number;
  /** Deliveries that came more than once. */
  doubles: number;
}

/** The workers stand ready before the first delivery may be made, so that their start is not measured. */
async function drained(receiver: Receiver, kind: Kind, jobs: number, count: number): Promise<Drained> {
  let result: Drained | undefined;
  await inWorld(receiver, API, async (world) => {
    const submitter = await world.tenant('bench', kind.destinations);
    await maintain(world, kind, 'maintenance');
    await submitAll(submitter, jobs / submitter.destinations.length);
    await world.rows('ANALYZE');
    const env = { ROLE: 'worker', WORKER_CONCURRENCY: String(kind.concurrency) };
    const workers = await Promise.all(Array.from({ length: count }, () => world.start(env)));
    result = await released(world, kind, workers, jobs);
  });
  if (result === undefined) throw new Error('nothing was drained');
  return result;
}

async function released(world: World, kind: Kind, workers: Service[], jobs: number): Promise<Drained> {
  const { receiver } = world;
  const before = { count: receiver.count(), deliveries: receiver.deliveries() };
  const last = receiver.reaches(before.count + jobs);
  const used = await cpuOf(world, workers);
  const started = performance.now();
  await maintain(world, kind, 'active');
  const seconds = ((await last) - started) / 1000;
  const now = await cpuOf(world, workers);
  // Whatever would come twice comes within a moment.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const got = receiver.count() - before.count;
  return {
    rate: jobs / seconds,
    workerCores: (now.workers - used.workers) / seconds,
    postgresCores: (now.postgres - used.postgres) / seconds,
    doubles: got - (receiver.deliveries() - before.deliveries),
  };
}

/** Lanes of destinations in maintenance are not claimed. */
async function maintain(
  world: World,
  { destinations }: Kind,
  status: 'maintenance' | 'active',
): Promise<void> {
  const headers = {
    'x-api-key': world.deployment.adminKey,
    'x-tenant-id': 'bench',
    'content-type': 'application/json',
  };
  for (const name of destinations) {
    const answer = await fetch(`${world.service.url}/api/v1/destinations/${name}`, {
      method: 'PATCH',
      headers,
      body: JSON.stringify({ status }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }
}

/** In seconds, so far. */
async function cpuOf(world: World, workers: Service[]): Promise<{ workers: number; postgres: number }> {
  const sessions = await world.rows<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  const sum = (pids: number[]): number => pids.reduce((total, pid) => total + cpuSeconds(pid), 0);
  return { workers: sum(workers.map(({ pid }) => pid)), postgres: sum(sessions.map(({ pid }) => pid)) };
}
