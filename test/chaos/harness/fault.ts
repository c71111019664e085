import { appendFileSync } from 'node:fs';
import { type Balance, balanceOf } from './accounting';
import { Chaos } from './chaos';

/** What a scenario has to say beside its accounts. */
export interface Outcome {
  /** From the end of the fault (for a crash: the crash) to the moment that the scenario names in docs/faults.md. */
  recoverySeconds: number;
  /** Further figures, printed, and asserted by the scenario itself where a loaded machine cannot break them. */
  figures?: Record<string, number>;
}

/** One line of the output; `submitted` and what follows are deliveries, jobs × destinations. */
export interface FaultResult extends Omit<Balance, 'violations'> {
  scenario: 'chaos';
  fault: string;
  seed: number;
  recovery_seconds: number;
  holds: boolean;
}

const LONG_MS = 600_000;
/** Of a scenario of some ten seconds, on a machine that is busy with other things. */
const SHORT_MS = 180_000;

const isLong = process.env['CHAOS_LONG'] === 'true';
const seeds = (process.env['CHAOS_SEED'] ?? '42').split(',').map(Number);

/**
 * A test for each seed of CHAOS_SEED (42): the scenario brings load, fault and recovery; afterwards everything that was
 * submitted must be accounted for. A failure says how to repeat it. Where this machine lacks something that the fault
 * needs, it fails and says what.
 */
export function fault(
  name: string,
  behaviour: string,
  scenario: (chaos: Chaos) => Promise<Outcome>,
  lacks?: string,
): void {
  describe(name, () => {
    if (lacks !== undefined)
      return it(behaviour, () => {
        throw new Error(`this fault needs what this machine does not have: ${lacks}`);
      });
    const title = `${behaviour} (seed %i)`;
    it.each(seeds)(title, (seed) => run(name, seed, scenario), isLong ? LONG_MS : SHORT_MS);
  });
}

async function run(name: string, seed: number, scenario: (chaos: Chaos) => Promise<Outcome>): Promise<void> {
  const chaos = new Chaos(seed, isLong);
  try {
    const { recoverySeconds, figures = {} } = await scenario(chaos);
    const { violations, ...balance } = await balanceOf(chaos, chaos.book, chaos.ledger);
    const holds = violations.length === 0;
    keep({
      scenario: 'chaos',
      fault: name,
      seed,
      ...balance,
      recovery_seconds: Number(recoverySeconds.toFixed(1)),
      holds,
    });
    for (const [figure, value] of Object.entries(figures)) {
      keep({ scenario: 'chaos', figure: `${name}.${figure}`, seed, value: Number(value.toPrecision(4)) });
    }
    expect(violations).toEqual([]);
  } catch (error) {
    const said = complaintsOf(chaos);
    throw new Error([reasonOf(error), ...said, repetition(name, seed)].join('\n\n'), { cause: error });
  } finally {
    await chaos.end();
  }
}

/** For bin/chaos-reporter.js, which prints the table and keeps the results of a long run. */
function keep(
  result: FaultResult | { scenario: 'chaos'; figure: string; seed: number; value: number },
): void {
  const path = process.env['CHAOS_RESULTS'];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(result)}\n`);
}

/** The last warnings and errors of each process. */
function complaintsOf({ processes }: Chaos): string[] {
  return processes.flatMap(({ logs, stderr }, at) => {
    const lines = logs.filter(({ level }) => level >= 40).map((record) => JSON.stringify(record));
    const said = [...lines.slice(-8), ...(stderr === '' ? [] : [stderr.slice(-1000)])];
    return said.length === 0 ? [] : [`process ${at + 1} said:\n${said.join('\n')}`];
  });
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const repetition = (name: string, seed: number): string =>
  `Again with the same seed: ${isLong ? 'CHAOS_LONG=true ' : ''}CHAOS_SEED=${seed} npx jest --selectProjects chaos ` +
  `--testPathPatterns chaos/${name}.spec`;
