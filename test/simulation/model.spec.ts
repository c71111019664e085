import { contentsOf, normalised, VirtualPostgres } from './harness/postgres';
import { simulate } from './harness/simulate';
import { type Executed } from './model/database';
import { type Tables } from './model/tables';

const HISTORIES = Number(process.env.MODEL_HISTORIES ?? 20);
const FIRST = Number(process.env.SIMULATION_SEED ?? 1);
const PATIENCE_MS = 600_000 + 10_000 * HISTORIES;
/** Statements between two looks at the tables. */
const STRIDE = 40;

type Step = Executed & { contents: ReturnType<typeof contentsOf> | undefined };

let postgres: VirtualPostgres;

beforeAll(async () => {
  postgres = await VirtualPostgres.create();
});

afterAll(() => postgres.dispose());

async function historyOf(seed: number): Promise<Step[]> {
  const steps: Step[] = [];
  const note = (executed: Executed, tables: Tables): void => {
    const contents = steps.length % STRIDE === 0 ? contentsOf(tables) : undefined;
    steps.push({ ...executed, rows: executed.rows.map((row) => ({ ...row })), contents });
  };
  await simulate(seed, { onExecuted: note });
  return steps;
}

/** Of deliveries that became due in the same moment either may be taken; from there on two histories differ. */
function isTie({ statement, rows }: Step, answer: readonly Executed['rows'][number][]): boolean {
  const lanes = (some: typeof answer): string => JSON.stringify(some.map(({ lane_id }) => lane_id).sort());
  return statement.name === 'claim_due' && lanes(rows) === lanes(answer);
}

/** True where the whole history is the same. */
async function agrees(seed: number): Promise<boolean> {
  await postgres.empty();
  for (const [at, step] of (await historyOf(seed)).entries()) {
    const answer = await postgres.execute(step);
    const given = normalised(step.rows);
    const names = new Set(step.rows.flatMap((row) => Object.keys(row)));
    const got = step.statement.name === 'hold_ordering_keys' ? [] : normalised(answer, names);
    const what = `SIMULATION_SEED=${seed} statement ${at} ${step.statement.name}`;
    if (JSON.stringify(got) !== JSON.stringify(given) && isTie(step, answer)) return false;
    expect({ what, rows: got }).toEqual({ what, rows: given });
    if (step.contents !== undefined)
      expect({ what, ...(await postgres.contents()) }).toEqual({ what, ...step.contents });
  }
  return true;
}

describe('the model of the database', () => {
  it(
    'answers and stores what PostgreSQL does, statement by statement, at the same virtual time',
    async () => {
      let whole = 0;
      for (let seed = FIRST; seed < FIRST + HISTORIES; seed++) if (await agrees(seed)) whole++;
      expect(whole).toBeGreaterThan(HISTORIES / 2);
    },
    PATIENCE_MS,
  );
});
