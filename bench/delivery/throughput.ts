import { submitAll, type Submitter } from '../load';
import { peakRssMb } from '../processes';
import { type Run } from './run';
import { analysed, cpuUsed, inWorld, type World } from './world';

const NAMES = ['one', 'two', 'three'];
/** Enough for the code to be compiled, the connections to stand and the tables to be known to the planner. */
export const WARM_UP_JOBS = 12_000;

/** From the first submission to the last receipt, durable commits, with one and with three destinations a job. */
export async function throughput({ report, receiver, scale, rawPost, maxRate }: Run): Promise<void> {
  await inWorld(receiver, {}, async (world) => {
    const submitter = await warmedUp(world);
    const raw = await rawPost();
    const before = await cpuUsed(world);
    const one = await endToEnd(world, { ...submitter, destinations: ['one'] }, scale.jobs);
    const after = await cpuUsed(world);
    maxRate.is(one);
    report.over('e2e_one_destination', one, '/s', 'raw_post', raw);
    const each = (seconds: number): number => (seconds * 1e6) / scale.jobs;
    report.alone('cpu_service_us', each(after.service - before.service), 'µs');
    report.alone('cpu_postgres_us', each(after.postgres - before.postgres), 'µs');
    const three = await endToEnd(world, submitter, scale.jobs / 3);
    report.over('e2e_three_destinations', three, '/s', 'raw_post', raw);
    report.alone('worker_rss_mb', peakRssMb(world.service.pid), 'MB');
  });
}

/** A tenant with three destinations, everything warm. */
export async function warmedUp(world: World): Promise<Submitter> {
  const submitter = await world.tenant('bench', NAMES);
  await endToEnd(world, { ...submitter, destinations: ['one'] }, WARM_UP_JOBS);
  await analysed(world);
  return submitter;
}

/** Deliveries a second. */
export async function endToEnd(world: World, submitter: Submitter, jobs: number): Promise<number> {
  const deliveries = Math.round(jobs) * submitter.destinations.length;
  const arrived = world.receives(deliveries);
  const started = performance.now();
  await submitAll(submitter, Math.round(jobs));
  const submitted = performance.now();
  const finished = await arrived;
  const ms = (from: number, to: number): string => `${Math.round(to - from)} ms`;
  console.log(`  submitted in ${ms(started, submitted)}, all received after ${ms(started, finished)}`);
  return deliveries / ((finished - started) / 1000);
}
