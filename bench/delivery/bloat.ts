import { submitSteadily } from '../load';
import { settled } from './latency';
import { type Run } from './run';
import { warmedUp } from './throughput';
import { inWorld, type World } from './world';

const SAMPLE_MS = 2000;

/** Pages of the ready table and its indexes in a run at half of the highest rate: the last fifth to the first. */
export async function bloat({ report, receiver, scale, maxRate }: Run): Promise<void> {
  const rate = (await maxRate.get()) / 2;
  await inWorld(receiver, {}, async (world) => {
    if (await isUnvacuumed(world)) {
      console.log(
        '  autovacuum is off on this server, so that every table grows: turn it on to measure the ready table',
      );
      return;
    }
    const submitter = { ...(await warmedUp(world)), destinations: ['one'] };
    const sizes: number[] = [];
    let running = true;
    const watching = (async () => {
      while (running) {
        sizes.push(await readyTableMb(world));
        await settled(SAMPLE_MS);
      }
    })();
    await submitSteadily(submitter, rate, scale.bloatMinutes * 60);
    running = false;
    await watching;
    const fifth = Math.max(1, Math.floor(sizes.length / 5));
    const [first, last] = [Math.max(...sizes.slice(0, fifth)), Math.max(...sizes.slice(-fifth))];
    report.over('ready_table_mb', last, 'MB', 'ready_table_mb_at_first', first);
  });
}

async function isUnvacuumed(world: World): Promise<boolean> {
  const [row] = await world.rows<{ autovacuum: string }>('SHOW autovacuum');
  return row?.autovacuum === 'off';
}

async function readyTableMb(world: World): Promise<number> {
  const [row] = await world.rows<{ bytes: string }>(
    `SELECT pg_total_relation_size('ready_attempts') AS bytes`,
  );
  return Number(row?.bytes) / 1_048_576;
}
