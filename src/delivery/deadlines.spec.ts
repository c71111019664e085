import { Deadlines } from './deadlines';

const fired = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    const tell = (): void => resolve((signal.reason as DOMException).name);
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell);
  });

describe('deadlines', () => {
  // The service's own timers do not keep a process alive; the test's does.
  let alive: NodeJS.Timeout;
  beforeEach(() => (alive = setInterval(() => undefined, 1000)));
  afterEach(() => clearInterval(alive));

  it('are shared by what starts together', () => {
    const deadlines = new Deadlines();
    const now = 1_000_000;
    expect(deadlines.after(5000, now)).toBe(deadlines.after(5000, now + 10));
    expect(deadlines.after(5000, now)).not.toBe(deadlines.after(6000, now));
    expect(deadlines.after(5000, now)).not.toBe(deadlines.after(5000, now + 300));
  });

  it('fire with a TimeoutError when the time is over', async () => {
    expect(await fired(new Deadlines().after(1))).toBe('TimeoutError');
  });

  it('fire with an AbortError when the service stops, and for what starts after that', async () => {
    const deadlines = new Deadlines();
    const signal = deadlines.after(60_000);
    deadlines.stop();
    expect(await fired(signal)).toBe('AbortError');
    expect(await fired(deadlines.after(120_000))).toBe('AbortError');
  });
});
