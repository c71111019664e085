import { simulate } from './harness/simulate';

/** Seeds from 1 on; SIMULATION_SEED repeats one. */
const given = process.env.SIMULATION_SEED;
const first = Number(given ?? 1);
const count = given === undefined ? Number(process.env.SIMULATIONS ?? 1000) : 1;
const PATIENCE_MS = 600_000 + 1000 * count;

describe('delivery under crashes, stalls, losses and interventions', () => {
  it(
    'keeps its promises in every history',
    async () => {
      for (let seed = first; seed < first + count; seed++) {
        await simulate(seed).catch((error: unknown) => {
          throw new Error(`${String(error)} (again with SIMULATION_SEED=${seed})`, { cause: error });
        });
      }
    },
    PATIENCE_MS,
  );

  it('is the same again for the same seed', async () => {
    const histories = [1, 2].map(async () => {
      const steps: string[] = [];
      await simulate(17, {
        onExecuted: ({ now, statement, rows }) => steps.push(`${now} ${statement.name} ${rows.length}`),
      });
      return steps;
    });
    const [one, other] = await Promise.all(histories);
    expect(one?.length).toBeGreaterThan(100);
    expect(other).toEqual(one);
  });
});
