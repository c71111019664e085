import { Remembered } from './remembered';

/** A source whose reads end when the test says so, and a clock that the test moves. */
function setUp() {
  let now = 0;
  const reads: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const remembered = new Remembered<string, string>(
    () => new Promise((resolve, reject) => reads.push({ resolve, reject })),
    { now: () => new Date(now) },
  );
  const answer = async (value: string): Promise<void> => {
    reads.at(-1)?.resolve(value);
    await new Promise(setImmediate);
  };
  return { remembered, reads, answer, pass: (ms: number) => void (now += ms) };
}

describe('what is remembered', () => {
  it('is read once, however many ask at the same time', async () => {
    const { remembered, reads, answer } = setUp();
    const asked = [remembered.get('a'), remembered.get('a'), remembered.get('a')];
    await answer('one');
    expect(await Promise.all(asked)).toEqual(['one', 'one', 'one']);
    expect(reads).toHaveLength(1);
  });

  it('is renewed while it is still believed, and nobody waits for that', async () => {
    const { remembered, reads, answer, pass } = setUp();
    void remembered.get('a');
    await answer('one');
    pass(600);
    expect(await Promise.all([remembered.get('a'), remembered.get('a')])).toEqual(['one', 'one']);
    expect(reads).toHaveLength(2);
    await answer('two');
    expect(await remembered.get('a')).toBe('two');
  });

  it('is not believed after a second: the answer comes from a new read', async () => {
    const { remembered, reads, answer, pass } = setUp();
    void remembered.get('a');
    await answer('one');
    pass(1000);
    const asked = [remembered.get('a'), remembered.get('a')];
    await answer('two');
    expect(await Promise.all(asked)).toEqual(['two', 'two']);
    expect(reads).toHaveLength(2);
  });
});

describe('what is remembered and then changed, lost or wanted fresh', () => {
  it('is forgotten with the read that was under way', async () => {
    const { remembered, answer, pass } = setUp();
    void remembered.get('a');
    await answer('one');
    pass(600);
    void remembered.get('a');
    remembered.forget('a');
    await answer('read before the change');
    const asked = remembered.get('a');
    await answer('changed');
    expect(await asked).toBe('changed');
  });

  it('does not remember a fault, and outlives one while it is believed', async () => {
    const { remembered, reads, answer, pass } = setUp();
    const failing = remembered.get('a');
    reads[0]?.reject(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    const asked = remembered.get('a');
    await answer('one');
    expect(await asked).toBe('one');
    pass(600);
    void remembered.get('a');
    reads.at(-1)?.reject(new Error('away'));
    await new Promise(setImmediate);
    expect(await remembered.get('a')).toBe('one');
  });

  it('says on demand what a read sees that begins now, or one that is under way', async () => {
    const { remembered, reads, answer } = setUp();
    void remembered.get('a');
    const newest = remembered.newest('a');
    expect(reads).toHaveLength(1);
    await answer('one');
    expect(await newest).toBe('one');
    expect(remembered.latest('a')).toBe('one');
    const again = remembered.again('a');
    await answer('two');
    expect(await again).toBe('two');
    expect(reads).toHaveLength(2);
  });

  it('is forgotten where it belongs to whoever changed', async () => {
    const { remembered, reads, answer } = setUp();
    void remembered.get('roma/a');
    await answer('one');
    void remembered.get('milano/a');
    await answer('one');
    remembered.forgetAll((key) => key.startsWith('roma/'));
    expect(await remembered.get('milano/a')).toBe('one');
    void remembered.get('roma/a');
    expect(reads).toHaveLength(3);
  });
});
