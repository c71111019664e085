import fc from 'fast-check';
import { type AttemptId, type DeliveryId, type JobId } from '../kernel/ids';
import { choose, type DeliveryState, type Wish } from './choose';

const names = fc.constantFrom('protocollo', 'archivio', 'posta');

/** Only states that the database can be in: a ready row is of an open delivery, a dead letter of a failed one. */
const states: fc.Arbitrary<DeliveryState> = fc
  .record({
    name: names,
    status: fc.constantFrom('pending' as const, 'success', 'failed', 'retry', 'cancelled'),
    inFlight: fc.boolean(),
    round: fc.nat(5),
    inRound: fc.integer({ min: 1, max: 5 }),
    letter: fc.constantFrom('dead' as const, 'redriven', 'discarded', null),
  })
  .map(({ name, status, inFlight, round, inRound, letter }) => {
    const isOpen = status === 'pending' || status === 'retry';
    return {
      job_id: 'job' as JobId,
      delivery_id: 'delivery' as DeliveryId,
      position: 0,
      name,
      protocol: 'REST',
      destination_id: null,
      inline: {},
      attempt_id: 'attempt' as AttemptId,
      attempt_number: round + inRound,
      status,
      error_code: null,
      error_message: null,
      in_flight: isOpen && inFlight,
      round_start: round,
      letter: status === 'failed' ? letter : null,
      ordering_key: null,
    };
  });

const wishes: fc.Arbitrary<Wish> = fc.record({
  destinations: fc.option(fc.array(names), { nil: undefined }),
  onlyFailed: fc.boolean(),
  onlyDead: fc.boolean(),
  withDiscarded: fc.boolean(),
});

const holds = (property: (state: DeliveryState, wish: Wish) => boolean): void =>
  fc.assert(
    fc.property(states, wishes, (state, wish) => property(state, wish)),
    { numRuns: 5000 },
  );

const isSentAnew = (state: DeliveryState, wish: Wish): boolean =>
  ['replayed', 'superseded'].includes(choose(state, wish) ?? '');

describe('what a replay does with a delivery', () => {
  it('touches only the destinations that were asked for', () => {
    holds((state, wish) => {
      const isAsked = wish.destinations?.includes(state.name) !== false;
      return (choose(state, wish) === undefined) === !isAsked;
    });
  });

  it('never sends what a worker holds', () => {
    holds((state, wish) => !state.in_flight || !isSentAnew(state, wish));
  });

  it('never sends again what has succeeded, unless everything was asked for', () => {
    holds((state, wish) => state.status !== 'success' || !wish.onlyFailed || !isSentAnew(state, wish));
  });

  it('never sends what somebody gave up, unless that was asked for', () => {
    holds(
      (state, wish) =>
        state.letter !== 'discarded' || wish.withDiscarded === true || !isSentAnew(state, wish),
    );
  });

  it('redrives nothing but dead letters that nobody has dealt with', () => {
    holds((state, wish) => wish.onlyDead !== true || state.letter === 'dead' || !isSentAnew(state, wish));
  });

  it('sends anew whatever has failed and was not given up', () => {
    holds((state, wish) => {
      const isMeant = wish.destinations?.includes(state.name) !== false && wish.onlyDead !== true;
      const hasFailed = state.status === 'failed' && state.letter !== 'discarded';
      return !isMeant || !hasFailed || choose(state, wish) === 'replayed';
    });
  });

  it('lets an open delivery keep its row: it is superseded or left alone, never begun beside itself', () => {
    holds(
      (state, wish) => !['pending', 'retry'].includes(state.status) || choose(state, wish) !== 'replayed',
    );
  });
});
