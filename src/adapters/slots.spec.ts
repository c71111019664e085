import { Slots } from './slots';

/** Work that ends when it is told to, and says when it begins. */
function work(log: string[], name: string): { run: () => Promise<string>; end: () => void } {
  let end = (): void => undefined;
  const ended = new Promise<string>((resolve) => {
    end = () => resolve(name);
  });
  return { run: () => (log.push(name), ended), end };
}

const never = new AbortController().signal;

describe('slots', () => {
  it('let the waiting in one by one, in the order in which they came', async () => {
    const slots = new Slots(1);
    const log: string[] = [];
    const works = ['a', 'b', 'c'].map((name) => work(log, name));
    const results = works.map(({ run }) => slots.use(never, run));
    for (const [index, { end }] of works.entries()) {
      end();
      await results[index];
    }
    expect(log).toEqual(['a', 'b', 'c']);
  });

  it('are given back by work that fails', async () => {
    const slots = new Slots(1);
    await expect(slots.use(never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await slots.use(never, async () => 'next')).toBe('next');
  });

  it('are not taken by who gave up waiting', async () => {
    const slots = new Slots(1);
    const log: string[] = [];
    const [first, second, third] = ['first', 'second', 'third'].map((name) => work(log, name));
    const controller = new AbortController();
    const results = [
      slots.use(never, first?.run ?? fail),
      slots.use(controller.signal, second?.run ?? fail),
      slots.use(never, third?.run ?? fail),
    ];
    controller.abort(new DOMException('late', 'TimeoutError'));
    await expect(results[1]).rejects.toMatchObject({ name: 'TimeoutError' });
    first?.end();
    third?.end();
    expect(await results[2]).toBe('third');
    expect(log).toEqual(['first', 'third']);
    await expect(slots.use(controller.signal, fail)).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

const fail = (): Promise<string> => Promise.reject(new Error('must not run'));
