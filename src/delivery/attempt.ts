import { type Outcome } from '../adapters/port';
import { type Senders } from '../adapters/senders';
import { type Clock } from '../kernel/clock';
import { type Verdict } from './breaker';
import { type ClaimedDelivery } from './claim';
import { type Deadlines } from './deadlines';
import { decide } from './decide';
import { discreet } from './discretion';
import { prepare, type Prepared, type PrepareParts } from './prepare';
import { type Result } from './record';

export interface AttemptParts extends PrepareParts {
  senders: Pick<Senders, 'use'>;
  clock: Clock;
  random: () => number;
  /** A fault of our own, for the log; the delivery goes on by its policy. */
  onFault: (error: unknown, claimed: ClaimedDelivery) => void;
}

/**
 * What is to be recorded, and what it says of the destination: whether it works, and how long it asks not to be sent
 * anything. `released`: the service is stopping and nothing is known of the attempt; another node makes it again.
 */
export type Attempted =
  { kind: 'done'; result: Result; verdict: Verdict; pauseSeconds: number | undefined } | { kind: 'released' };

/**
 * One attempt of a claimed delivery: prepare, send, decide. What it returns is to be recorded. No transaction
 * is open meanwhile. Never rejects: a fault of our own is a failed attempt that says INTERNAL_ERROR.
 */
export async function attempt(
  parts: AttemptParts,
  claimed: ClaimedDelivery,
  deadlines: Deadlines,
): Promise<Attempted> {
  try {
    const prepared = await prepare(parts, claimed);
    const attempted =
      prepared.kind === 'unsent'
        ? unsent(parts, claimed, prepared)
        : await sendPrepared(parts, claimed, prepared, deadlines);
    if (attempted.kind === 'released') return attempted;
    return { ...attempted, result: await discreet(parts, attempted.result) };
  } catch (error) {
    return faulty(parts, claimed, error);
  }
}

async function sendPrepared(
  parts: AttemptParts,
  claimed: ClaimedDelivery,
  prepared: Extract<Prepared, { kind: 'send' }>,
  deadlines: Deadlines,
): Promise<Attempted> {
  const startedAt = parts.clock.now();
  const started = performance.now();
  const signal = deadlines.after(prepared.timeoutMs);
  const outcome = await parts.senders.use(prepared.key, prepared.open, (sender) =>
    sender.deliver(prepared.delivery, signal),
  );
  if (deadlines.isStopped && outcome.kind === 'retry' && outcome.code === 'ABORTED')
    return { kind: 'released' };
  const decision = decide(outcome, attemptInRound(claimed), prepared.policy, parts.random());
  const completedAt = new Date(startedAt.getTime() + (performance.now() - started));
  const { response, bytesSent, log } = outcome;
  const disables = disablingReason(outcome, claimed);
  return {
    kind: 'done',
    result: { claimed, decision, startedAt, completedAt, response, bytesSent, log, disables },
    ...verdictOf(outcome, claimed, prepared.policy.maxBackoffSeconds),
  };
}

/**
 * An answer, even a refusal, shows that the destination works. One that says when to come again works too, and is left
 * alone until then. What came of inline fields over a registered destination may be theirs, and says nothing.
 */
function verdictOf(
  outcome: Outcome,
  { destination }: ClaimedDelivery,
  maxPauseSeconds: number,
): { verdict: Verdict; pauseSeconds: number | undefined } {
  const silent = { verdict: 'unknown' as const, pauseSeconds: undefined };
  if (destination.destination_id !== null && destination.inline !== null) return silent;
  if (outcome.kind !== 'retry') {
    const answered = outcome.kind === 'delivered' || outcome.response !== undefined;
    return answered ? { ...silent, verdict: 'alive' } : silent;
  }
  if (outcome.code === 'ABORTED') return silent;
  if (outcome.code === 'RATE_LIMITED' && outcome.retryAfterSeconds !== undefined)
    return { ...silent, pauseSeconds: Math.min(outcome.retryAfterSeconds, maxPauseSeconds) };
  return { ...silent, verdict: 'faulty' };
}

/** A replay begins to count anew, for the budget and for the waits. */
const attemptInRound = ({ attempt_number, round_start }: ClaimedDelivery): number =>
  attempt_number - round_start;

/** What the receiver of an inline destination says holds for that job, not for the registered one of its name. */
function disablingReason(outcome: Outcome, { destination }: ClaimedDelivery): string | undefined {
  const isRegistered = destination.destination_id !== null && destination.inline === null;
  if (outcome.kind !== 'refused' || outcome.disableDestination !== true || !isRegistered) return undefined;
  return outcome.message;
}

const unsent = (
  parts: AttemptParts,
  claimed: ClaimedDelivery,
  { decision, log = [] }: Extract<Prepared, { kind: 'unsent' }>,
): Attempted => ({
  kind: 'done',
  result: {
    claimed,
    decision,
    startedAt: undefined,
    completedAt: parts.clock.now(),
    response: undefined,
    bytesSent: 0,
    log,
  },
  verdict: 'unknown',
  pauseSeconds: undefined,
});

/** A bug or a database fault on the way: worth a later try within the attempts of the default policy. */
function faulty(parts: AttemptParts, claimed: ClaimedDelivery, error: unknown): Attempted {
  const now = parts.clock.now();
  const message = 'the attempt could not be made; the log of the service has the reason';
  const outcome: Outcome = {
    kind: 'retry',
    code: 'CONNECTION_FAILED',
    message,
    retryAfterSeconds: undefined,
    response: undefined,
    bytesSent: 0,
    log: [],
  };
  const policy = { ...parts.defaults.retry, maxAttempts: claimed.max_retries + 1 };
  const decided = decide(outcome, attemptInRound(claimed), policy, parts.random());
  const decision = 'code' in decided ? { ...decided, code: 'INTERNAL_ERROR' as const } : decided;
  parts.onFault(error, claimed);
  return {
    kind: 'done',
    result: {
      claimed,
      decision,
      startedAt: now,
      completedAt: now,
      response: undefined,
      bytesSent: 0,
      log: [{ level: 'error', message }],
    },
    verdict: 'unknown',
    pauseSeconds: undefined,
  };
}
