import { LaneKeeper } from './lane-keeper';
import { Lanes } from './lanes';

describe('a look at the lanes', () => {
  it('that took very long does not keep the next one away for longer than ownership lasts', async () => {
    let now = 0;
    const unused = async (): Promise<never> => Promise.reject(new Error('there are no lanes'));
    const store = { own: unused, release: unused, save: unused, disownAll: unused };
    const discover = async (): Promise<[]> => {
      now += 24_000;
      return [];
    };
    const lanes = new Lanes({ threshold: 5, recoveryMs: 60_000 });
    const keeper = new LaneKeeper(
      lanes,
      { ...store, discover },
      (error) => expect(error).toBeUndefined(),
      () => now,
    );
    await keeper.look();
    expect(keeper.idleMs).toBeLessThanOrEqual(2000);
  });
});
