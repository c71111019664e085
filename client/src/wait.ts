import { WaitTimeoutError } from './errors.js';
import { type CallbackInbox } from './inbox.js';
import { pause } from './pause.js';

export interface WaitOptions {
  /** How long to wait at most; 300,000 where it is not said. */
  deadlineMs?: number | undefined;
  /** Between the first two looks; half as much again after each. 200 where it is not said. */
  pollMs?: number | undefined;
  /** Between two looks at most; 5,000 where it is not said. */
  maxPollMs?: number | undefined;
  /** A callback that comes in here ends the pause. */
  callbacks?: CallbackInbox | undefined;
  signal?: AbortSignal | undefined;
}

const DEADLINE_MS = 300_000;
const POLL_MS = 200;
const MAX_POLL_MS = 5000;

/**
 * Looks until `isOver`, with growing pauses.
 * @throws WaitTimeoutError with what was seen last; whatever `look` throws; the signal's reason
 */
export async function waitUntilOver<Seen>(
  id: string,
  look: () => Promise<Seen>,
  isOver: (seen: Seen) => boolean,
  { deadlineMs = DEADLINE_MS, pollMs = POLL_MS, maxPollMs = MAX_POLL_MS, callbacks, signal }: WaitOptions,
): Promise<Seen> {
  const deadline = Date.now() + deadlineMs;
  let wake = (): void => undefined;
  // From before the first look on, so that nothing falls between a look and the pause after it.
  let called = new Promise<void>((resolve) => (wake = resolve));
  const forget = callbacks?.watch(id, () => wake());
  try {
    for (let next = pollMs; ; next = Math.min(maxPollMs, next * 1.5)) {
      const seen = await look();
      if (isOver(seen)) return seen;
      const left = deadline - Date.now();
      if (left <= 0) throw new WaitTimeoutError(`${id} is not over after ${deadlineMs} ms`, seen);
      await pause(Math.min(next, left), signal, called);
      called = new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    forget?.();
  }
}
