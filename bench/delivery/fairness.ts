import { percentile, submitAll, submitSteadily, type Submitter } from '../load';
import { settled, WARM_UP_SECONDS } from './latency';
import { type Run } from './run';
import { WARM_UP_JOBS } from './throughput';
import { analysed, inWorld, type World } from './world';

const LOUDER = 100;
/** Deliveries a second to the destination that never answers. */
const HANGING_RATE = 20;

interface Tenants {
  quiet: Submitter;
  loud: Submitter;
  hanging: Submitter;
}

/**
 * What a quiet tenant notices: the p99 of its deliveries alone, while another tenant sends a hundred times as much
 * (half of the highest rate), while that one has a backlog, and while a third tenant's destination never answers.
 */
export async function fairness({ report, receiver, scale, maxRate }: Run): Promise<void> {
  const loudRate = (await maxRate.get()) / 2;
  const quietRate = loudRate / LOUDER;
  const seconds = scale.fairnessSeconds;
  // The deliveries that hang are not waited for when the world ends.
  await inWorld(receiver, { WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: '1' }, async (world) => {
    const { quiet, loud, hanging } = await threeTenants(world);
    await submitSteadily(loud, loudRate, WARM_UP_SECONDS);
    await emptied(world);
    const p99 = async (figure: string, others: () => Promise<unknown>): Promise<number> => {
      await settled(1000);
      await receiver.latencies();
      await Promise.all([submitSteadily(quiet, quietRate, seconds), others()]);
      await settled(1000);
      const waited = (await receiver.latencies())['/quiet'] ?? [];
      const missing = Math.round(quietRate * seconds) - waited.length;
      if (missing > 0) console.log(`  ${figure}: ${missing} of the quiet tenant's were still waiting`);
      return missing > 0 ? NaN : percentile(waited, 0.99);
    };
    const alone = await p99('alone', () => Promise.resolve());
    report.alone('fairness_alone_p99_ms', alone, 'ms');
    const against = (figure: string, value: number): void =>
      report.over(figure, value, 'ms', 'fairness_alone_p99_ms', alone);
    against('fairness_loud_p99_ms', await p99('loud', () => submitSteadily(loud, loudRate, seconds)));
    against('fairness_backlog_p99_ms', await p99('backlog', () => submitAll(loud, loudRate * 2 * seconds)));
    await emptied(world);
    against(
      'fairness_hanging_p99_ms',
      await p99('hanging', () => submitSteadily(hanging, HANGING_RATE, seconds)),
    );
  });
}

async function threeTenants(world: World): Promise<Tenants> {
  const quiet = await world.tenant('quiet', ['quiet']);
  const loud = await world.tenant('loud', ['loud']);
  const hanging = await world.tenant('hanging', ['hang']);
  const warm = world.receives(2 * WARM_UP_JOBS);
  await Promise.all([submitAll(quiet, WARM_UP_JOBS), submitAll(loud, WARM_UP_JOBS)]);
  await warm;
  await analysed(world);
  return { quiet, loud, hanging };
}

async function emptied(world: World): Promise<void> {
  for (;;) {
    const [row] = await world.rows<{ waiting: boolean }>(
      'SELECT EXISTS (SELECT FROM ready_attempts) AS waiting',
    );
    if (row?.waiting !== true) return;
    await settled(200);
  }
}
