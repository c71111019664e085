import { type Sender } from './port';
import { type SenderKey, Senders } from './senders';

/** A sender that notes its closing; what it would send does not matter here. */
class NotedSender implements Sender {
  closed = 0;
  deliver = () => Promise.reject(new Error('not used'));
  checkHealth = () => Promise.reject(new Error('not used'));
  close = async () => {
    this.closed++;
  };
}

const key = (version: number, destination = 'archive'): SenderKey => ({
  tenantId: 'roma',
  destination,
  version,
});

/** Work that ends when the test says so. */
function held(): { work: () => Promise<void>; end: () => void } {
  let end = (): void => undefined;
  const done = new Promise<void>((resolve) => (end = resolve));
  return { work: () => done, end };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let now = 0;
let opened: NotedSender[] = [];

function open(): Sender {
  const sender = new NotedSender();
  opened.push(sender);
  return sender;
}

const states = (): number[] => opened.map(({ closed }) => closed);
const senders = (maxOpen = 100): Senders => new Senders({ idleMs: 1000, maxOpen, now: () => now });

beforeEach(() => {
  now = 0;
  opened = [];
});

describe('senders', () => {
  it('are shared by all attempts of a version, also while one is being opened', async () => {
    const cache = senders();
    const slowly = async (): Promise<Sender> => (await settled(), open());
    const used = await Promise.all([1, 2, 3].map(() => cache.use(key(1), slowly, async (sender) => sender)));
    used.push(await cache.use(key(1), open, async (sender) => sender));
    expect(new Set(used).size).toBe(1);
    expect(opened).toHaveLength(1);
    await cache.closeAll();
    expect(states()).toEqual([1]);
  });

  it('are opened again after an opening failed, and nothing remains of it', async () => {
    const cache = senders();
    await expect(cache.use(key(1), () => Promise.reject(new Error('sealed')), settled)).rejects.toThrow(
      'sealed',
    );
    expect(cache.size).toBe(0);
    await expect(cache.use(key(1), open, async () => 7)).resolves.toBe(7);
    await cache.closeAll();
    expect(states()).toEqual([1]);
  });

  it('close when a newer version is used, after their last delivery', async () => {
    const cache = senders();
    const old = held();
    const running = cache.use(key(1), open, old.work);
    await cache.use(key(2), open, settled);
    expect(states()).toEqual([0, 0]);
    old.end();
    await running;
    await settled();
    expect(states()).toEqual([1, 0]);
    expect(cache.size).toBe(1);
    await cache.closeAll();
  });

  it('of an older version serve the attempt that needs them and close', async () => {
    const cache = senders();
    await cache.use(key(2), open, settled);
    await cache.use(key(1), open, async (sender) => expect((sender as NotedSender).closed).toBe(0));
    await settled();
    expect(states()).toEqual([0, 1]);
    await cache.closeAll();
    expect(states()).toEqual([1, 1]);
  });
});

describe('idle senders', () => {
  it('close, but not while they work', async () => {
    const cache = senders();
    const busy = held();
    const running = cache.use(key(1, 'busy'), open, busy.work);
    await cache.use(key(1, 'idle'), open, settled);
    now = 999;
    cache.closeIdle();
    expect(cache.size).toBe(2);
    now = 1000;
    cache.closeIdle();
    await settled();
    expect(states()).toEqual([0, 1]);
    busy.end();
    await running;
    now = 2000;
    cache.closeIdle();
    await settled();
    expect(states()).toEqual([1, 1]);
    expect(cache.size).toBe(0);
  });
});

describe('the cache of senders', () => {
  it('makes room by closing what was unused for longest', async () => {
    const cache = senders(2);
    for (const name of ['a', 'b', 'c']) {
      now++;
      await cache.use(key(1, name), open, settled);
    }
    await settled();
    expect(states()).toEqual([1, 0, 0]);
    await cache.closeAll();
  });

  it('ends after the last delivery, takes no new one, and survives a sender that cannot be closed', async () => {
    const errors: unknown[] = [];
    const cache = new Senders({ onCloseError: (error) => errors.push(error) });
    const work = held();
    const faulty = new NotedSender();
    faulty.close = () => Promise.reject(new Error('gone'));
    const running = cache.use(key(1), () => faulty, work.work);
    const closing = cache.closeAll();
    await expect(cache.use(key(1), () => new NotedSender(), settled)).rejects.toThrow('closed');
    work.end();
    await running;
    await closing;
    await cache.closeAll();
    expect(errors).toHaveLength(1);
  });
});
