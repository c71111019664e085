import { type TenantId } from '../kernel/ids';
import { UnboundByPolicies } from './bypass-check';
import { ReadTransaction } from './read-transaction';

const tenant = 'roma' as TenantId;
const failing = (code: string) => Object.assign(new Error(code), { code });

function readsWith(replicaSays: () => unknown, open: () => Promise<void> = () => Promise.resolve()) {
  const lagSeconds = () => Promise.resolve().then(() => replicaSays() as number);
  const lost = jest.fn();
  const sessionsThat = (answer: () => unknown) => ({
    run: <T>() => Promise.resolve().then(() => answer() as T),
  });
  const reads = new ReadTransaction({
    primary: sessionsThat(() => 'primary'),
    replica: { open, close: () => Promise.resolve(), sessions: sessionsThat(replicaSays), lagSeconds },
    onLost: lost,
  });
  return { reads, lost, read: () => reads.run(tenant, () => Promise.resolve('unused')) };
}

describe('reads that may be some moments old', () => {
  it('go to the primary until the replica is open, and then to the replica', async () => {
    const { reads, read } = readsWith(() => 'replica');
    await reads.start();
    expect(await read()).toBe('replica');
  });

  it.each([
    ['took too long', '57014'],
    ['broke off what it was replaying', '40001'],
    ['has no such table yet', '42P01'],
  ])('go to the primary where the replica %s, which stays in use', async (_what, code) => {
    let answers = 0;
    const { reads, lost, read } = readsWith(() => {
      if (answers++ === 0) throw failing(code);
      return 'replica';
    });
    await reads.start();
    expect([await read(), await read()]).toEqual(['primary', 'replica']);
    expect(lost).not.toHaveBeenCalled();
  });

  it('stay with the primary for a while where the replica is away', async () => {
    const { reads, lost, read } = readsWith(() => {
      throw failing('ECONNREFUSED');
    });
    await reads.start();
    expect([await read(), await read()]).toEqual(['primary', 'primary']);
    expect(lost).toHaveBeenCalledTimes(1);
  });

  it('fail as on the primary where the values are at fault', async () => {
    const { reads, read } = readsWith(() => {
      throw failing('22P02');
    });
    await reads.start();
    await expect(read()).rejects.toThrow('22P02');
  });

  it('begin without a replica that is away, and not at all with one that must not be read', async () => {
    const away = readsWith(
      () => 'replica',
      () => Promise.reject(failing('ECONNREFUSED')),
    );
    await away.reads.start();
    expect(await away.read()).toBe('primary');
    const unbound = readsWith(
      () => 'replica',
      () => Promise.reject(new UnboundByPolicies('superuser')),
    );
    await expect(unbound.reads.start()).rejects.toThrow('superuser');
  });
});

describe('the lag of a replica', () => {
  it('is unknown while it is away, and where it is lost by this, lists go to the primary', async () => {
    let answers: () => unknown = () => 3;
    const { reads, lost, read } = readsWith(() => answers());
    expect(await reads.lagSeconds()).toBeUndefined();
    await reads.start();
    expect(await reads.lagSeconds()).toBe(3);
    answers = () => {
      throw failing('ECONNREFUSED');
    };
    expect([await reads.lagSeconds(), await read()]).toEqual([undefined, 'primary']);
    expect(lost).toHaveBeenCalledTimes(1);
  });
});
