import { type JsonObject } from '../../src/kernel/json';
import { type Priority, rankOf, SLACK_SECONDS } from '../../src/kernel/priority';
import { type Scenario, type ScenarioDestination, type ScenarioJob } from './harness/scenario';
import { World } from './harness/world';
import { STATEMENTS } from './model/database';
import { type Modelled } from './model/values';

/** Urgent deliveries that wait at any moment: for each that is recorded another one is submitted. */
const ALWAYS_WAITING = 30;
/** When the patient one is submitted: by then there is a crowd before it. */
const PATIENT_AT = 3000;
/** Handfuls that are taken at once, statements, slow answers: what may come on top of the slack. */
const TOLERANCE_SECONDS = 10;

interface Setting {
  destinations: ScenarioDestination[];
  /** To all of these, endlessly. */
  crowd: { destinations: ScenarioDestination[]; priority: Priority };
  patient: { destination: ScenarioDestination; priority: Priority };
  concurrency?: number;
  weights?: Record<string, number>;
}

const destination = (
  number: number,
  tenantId = 'one',
  configuration: JsonObject = {},
): ScenarioDestination => ({
  id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
  tenantId,
  name: `d${number}`,
  configuration,
  modes: [],
});

function job(at: number, name: string, to: ScenarioDestination, priority: Priority): ScenarioJob {
  const { tenantId } = to;
  const none = { orderingKey: undefined, deliverAt: undefined, expiresAt: undefined, maxRetries: 0 };
  return { at, name, tenantId, destinations: [to], priority, ...none };
}

/** The look at the table, with weights, of which the model knows nothing. */
const discovering =
  (weights: Record<string, number>): Modelled =>
  (...asked) =>
    (STATEMENTS['discover_lanes']?.(...asked) ?? []).map((row) => ({
      ...row,
      weight: weights[row['tenant_id'] as string],
    }));

/** Virtual seconds for which the patient delivery waits until it is claimed; Infinity where it never is. */
async function secondsUntilClaimed({
  crowd,
  patient,
  concurrency = 2,
  ...setting
}: Setting): Promise<number> {
  const scenario: Scenario = {
    seed: 1,
    processes: 1,
    concurrency,
    leaseSeconds: 20,
    timeoutSeconds: 5,
    tenants: [...new Set(setting.destinations.map(({ tenantId }) => tenantId))],
    destinations: setting.destinations,
    jobs: [],
    happenings: [],
    unsent: 0,
    unanswered: 0,
  };
  let submitted = 0;
  let claimedAt = Infinity;
  const submitUrgent = (): void => {
    const to = crowd.destinations[submitted % crowd.destinations.length] as ScenarioDestination;
    world.submit(job(world.timeline.now, `urgent-${++submitted}`, to, crowd.priority));
  };
  const statements = { ...STATEMENTS, discover_lanes: discovering(setting.weights ?? {}) };
  const world: World = new World(
    scenario,
    ({ statement, rows, now }) => {
      if (statement.name === 'claim_due' && rows.some(({ distribution_id }) => distribution_id === 'patient'))
        claimedAt = now;
      if (statement.name !== 'record_outcomes') return;
      for (const _recorded of rows) world.timeline.at(world.timeline.now, submitUrgent);
    },
    statements,
  );
  world.begin();
  for (let count = 0; count < ALWAYS_WAITING; count++) submitUrgent();
  const { timeline, watch } = world;
  timeline.at(PATIENT_AT, () =>
    world.submit(job(PATIENT_AT, 'patient', patient.destination, patient.priority)),
  );
  await timeline.run(300_000, () => claimedAt < Infinity || watch.isViolated);
  for (const process of world.processes) process.crash();
  watch.done();
  return (claimedAt - PATIENT_AT) / 1000;
}

/** Not at once, or nobody would have stood before it, and not much later. */
function expectAfterSlack(seconds: number, priority: Priority): void {
  const slack = SLACK_SECONDS[rankOf(priority)] ?? 0;
  expect(seconds).toBeGreaterThan(slack / 2);
  expect(seconds).toBeLessThan(slack + TOLERANCE_SECONDS);
}

describe('while more urgent work never ends', () => {
  it.each<Priority>(['high', 'normal', 'low'])(
    'a delivery of priority %s is sent when its slack is over, to the same destination',
    async (priority) => {
      const only = destination(1, 'one', { max_in_flight: 1 });
      const seconds = await secondsUntilClaimed({
        destinations: [only],
        crowd: { destinations: [only], priority: 'critical' },
        patient: { destination: only, priority },
      });
      expectAfterSlack(seconds, priority);
    },
  );

  it.each<Priority>(['high', 'normal', 'low'])(
    'the lane of a delivery of priority %s has its turn when its slack is over',
    async (priority) => {
      const [quiet, ...busy] = Array.from({ length: 9 }, (_none, at) => destination(at + 1));
      const seconds = await secondsUntilClaimed({
        destinations: [quiet as ScenarioDestination, ...busy],
        crowd: { destinations: busy, priority: 'critical' },
        patient: { destination: quiet as ScenarioDestination, priority },
      });
      expectAfterSlack(seconds, priority);
    },
  );

  it('a tenant of the least weight is sent what is of low priority beside one of the greatest', async () => {
    const light = destination(1, 'light');
    const heavy = Array.from({ length: 8 }, (_none, at) => destination(at + 2, 'heavy'));
    const seconds = await secondsUntilClaimed({
      destinations: [light, ...heavy],
      crowd: { destinations: heavy, priority: 'critical' },
      patient: { destination: light, priority: 'low' },
      weights: { light: 1, heavy: 100 },
    });
    expect(seconds).toBeLessThan(TOLERANCE_SECONDS);
  });
});
