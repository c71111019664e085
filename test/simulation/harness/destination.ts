import { setMaxListeners } from 'node:events';
import { type Outcome } from '../../../src/adapters/port';
import { type ClaimedDelivery } from '../../../src/delivery/claim';
import { type SimulatedProcess } from './process';
import { type Mode } from './scenario';
import { type World } from './world';

const facts = { bytesSent: 1, log: [] };
const response = { statusCode: 200, body: undefined };

/** What a destination of the scenario answers to an attempt, and when; its effect may come though nobody hears of it. */
export function receive(
  world: World,
  process: SimulatedProcess,
  claimed: ClaimedDelivery,
  signal: AbortSignal,
): Promise<Outcome> {
  const mode = modeOf(world, claimed.lane_id);
  return new Promise((resolve) => {
    setMaxListeners(0, signal);
    signal.addEventListener('abort', () => resolve(endedBy(signal)));
    if (signal.aborted) resolve(endedBy(signal));
    if (mode === 'hangs') return;
    const there = world.random.between(1, world.random.next() < 0.1 ? 1500 : 40);
    world.timeline.at(world.timeline.now + there, () => {
      if (mode === 'takes') world.taken.add(claimed.delivery_id);
    });
    const outcome = outcomeOf(mode, world);
    process.happen(there + world.random.between(1, 20), () => resolve(outcome));
  });
}

function modeOf({ scenario, timeline, isHealed }: World, laneId: string): Mode {
  if (isHealed) return 'takes';
  const destination = scenario.destinations.find(({ id }) => id === laneId);
  return destination?.modes.findLast(({ from }) => from <= timeline.now)?.mode ?? 'takes';
}

function outcomeOf(mode: Exclude<Mode, 'hangs'>, { random }: World): Outcome {
  switch (mode) {
    case 'takes':
      return { kind: 'delivered', response, ...facts };
    case 'fails':
      return { ...retry('RECEIVER_UNAVAILABLE'), response };
    case 'busy':
      return { ...retry('RATE_LIMITED'), retryAfterSeconds: random.between(1, 8), response };
    case 'refuses':
      return { kind: 'refused', code: 'RECEIVER_REFUSED', message: 'no', response, ...facts };
    case 'gone':
      return {
        kind: 'refused',
        code: 'RECEIVER_GONE',
        message: 'gone',
        disableDestination: true,
        response,
        ...facts,
      };
  }
}

const retry = (code: 'RECEIVER_UNAVAILABLE' | 'RATE_LIMITED' | 'TIMEOUT' | 'ABORTED') => ({
  kind: 'retry' as const,
  code,
  message: code,
  retryAfterSeconds: undefined,
  response: undefined,
  ...facts,
});

const endedBy = (signal: AbortSignal): Outcome =>
  retry((signal.reason as DOMException).name === 'TimeoutError' ? 'TIMEOUT' : 'ABORTED');
