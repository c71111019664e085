import { submitAll } from '../load';
import { peakRssMb, type Service } from '../processes';
import { type Run } from './run';
import { inWorld, type World } from './world';

/** Nothing is delivered while the backlog is made. */
const API = { ROLE: 'api' };
const WORKER = { ROLE: 'worker' };

/** A backlog that one worker process finds when it starts; what comes before it warms the process up. */
export async function drain({ report, receiver, scale, rawPost }: Run): Promise<void> {
  const raw = await rawPost();
  await inWorld(receiver, API, async (world) => {
    const { rate, workers } = await drained(world, scale.backlog, 1);
    report.over('drain', rate, '/s', 'raw_post', raw);
    report.alone('drain_worker_rss_mb', Math.max(...workers.map(({ pid }) => peakRssMb(pid))), 'MB');
  });
}

/** The same backlog by one worker process and by two; what is delivered twice is counted. */
export async function twoWorkers({ report, receiver, scale }: Run): Promise<void> {
  const rates: number[] = [];
  for (const workers of [1, 2]) {
    await inWorld(receiver, API, async (world) => {
      const { rate, doubles } = await drained(world, scale.backlog, workers);
      rates.push(rate);
      if (workers === 2) report.alone('two_workers_doubles', doubles, 'deliveries');
    });
  }
  const [one = NaN, two = NaN] = rates;
  report.over('two_workers', two, '/s', 'one_worker', one);
}

interface Drained {
  rate: number;
  /** Deliveries that the receiver got more than once. */
  doubles: number;
  workers: Service[];
}

/** Deliveries in which a process that has just started compiles its code. */
const WARM_UP = 10_000;

async function drained(world: World, backlog: number, count: number): Promise<Drained> {
  const submitter = await world.tenant('bench', ['one']);
  await submitAll(submitter, WARM_UP + backlog);
  await world.rows('ANALYZE');
  const { receiver } = world;
  const before = { count: receiver.count(), deliveries: receiver.deliveries() };
  const first = receiver.reaches(before.count + WARM_UP);
  const last = receiver.reaches(before.count + WARM_UP + backlog);
  const workers = await Promise.all(Array.from({ length: count }, () => world.start(WORKER)));
  const seconds = ((await last) - (await first)) / 1000;
  // Whatever would come twice comes within a moment.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const got = receiver.count() - before.count;
  return { rate: backlog / seconds, doubles: got - (receiver.deliveries() - before.deliveries), workers };
}
