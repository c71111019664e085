import { startReceiver } from '../processes';
import { type Report } from '../report';
import { rawPosts, selectOnes } from './baselines';
import { bloat } from './bloat';
import { drain, twoWorkers } from './drain';
import { fairness } from './fairness';
import { history } from './history';
import { latency } from './latency';
import { DeliveryReport, FULL, MaxRate, type Run, type Scale, SHORT } from './run';
import { endToEnd, throughput, warmedUp } from './throughput';
import { inWorld } from './world';

const PARTS: Record<string, (run: Run) => Promise<void>> = {
  throughput,
  drain,
  latency,
  fairness,
  workers: twoWorkers,
  history,
  bloat,
};

export interface DeliveryOptions {
  /** Names of parts; all of them where none is named. */
  only: string[];
  short: boolean;
  history: number | undefined;
  minutes: number | undefined;
}

/** End to end with durability on, as ratios to raw POSTs in the same run, everything on one machine. */
export async function deliveryBench(report: Report, options: DeliveryOptions): Promise<void> {
  const names = options.only.length === 0 ? Object.keys(PARTS) : options.only;
  const unknown = names.find((name) => PARTS[name] === undefined);
  if (unknown !== undefined) {
    throw new Error(`delivery has no part ${unknown}; there are: ${Object.keys(PARTS).join(', ')}`);
  }
  const receiver = await startReceiver();
  try {
    const scale = scaleOf(options);
    const figures = new DeliveryReport(report);
    const rawPost = (): Promise<number> => rawPosts(receiver, scale.baselineSeconds);
    figures.alone('raw_post', await rawPost(), '/s');
    figures.alone('select_1', await selectOnes(scale.baselineSeconds / 2), '/s');
    const maxRate = new MaxRate(async () => {
      let rate = 0;
      await inWorld(receiver, {}, async (world) => {
        const submitter = await warmedUp(world);
        rate = await endToEnd(world, { ...submitter, destinations: ['one'] }, scale.jobs);
      });
      return rate;
    });
    for (const name of names) {
      console.log(`## ${name}`);
      await PARTS[name]?.({ report: figures, receiver, scale, rawPost, maxRate });
    }
  } finally {
    receiver.stop();
  }
}

function scaleOf({ short, history: attempts, minutes }: DeliveryOptions): Scale {
  const scale = short ? SHORT : FULL;
  return { ...scale, history: attempts ?? scale.history, bloatMinutes: minutes ?? scale.bloatMinutes };
}
