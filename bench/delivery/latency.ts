import { percentile, submitSteadily } from '../load';
import { type Run } from './run';
import { warmedUp } from './throughput';
import { inWorld } from './world';

/** The code of single submissions is compiled in these; with 3 s two fifths of the measured time went into that. */
export const WARM_UP_SECONDS = 15;

/** Single submissions at half of the highest rate, from the time at which each was due to its receipt. */
export async function latency({ report, receiver, scale, maxRate }: Run): Promise<void> {
  const rate = (await maxRate.get()) / 2;
  await inWorld(receiver, {}, async (world) => {
    const submitter = { ...(await warmedUp(world)), destinations: ['one'] };
    await submitSteadily(submitter, rate, WARM_UP_SECONDS);
    await settled(2000);
    await receiver.latencies();
    const sent = world.receives(Math.round(rate * scale.steadySeconds));
    await submitSteadily(submitter, rate, scale.steadySeconds);
    await sent;
    const waited = (await receiver.latencies())['/one'] ?? [];
    report.alone('latency_rate', rate, '/s');
    report.alone('latency_p50_ms', percentile(waited, 0.5), 'ms');
    report.alone('latency_p99_ms', percentile(waited, 0.99), 'ms');
  });
}

export const settled = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
