import { type TenantId } from '../kernel/ids';
import { GroupCommit } from './group-commit';

const tenant = 'roma' as TenantId;
const size = { mostTogether: 3, sideBySide: 1, paceMs: 0 };

describe('group commit', () => {
  it('commits what arrives together together, and answers in order', async () => {
    const groups: number[][] = [];
    const commits = new GroupCommit<number, number>(size, async (_tenant, items) => {
      groups.push(items);
      return items.map((item) => item * 10);
    });
    const answers = await Promise.all([1, 2, 3, 4].map((item) => commits.submit(tenant, item)));
    expect(answers).toEqual([10, 20, 30, 40]);
    expect(groups).toEqual([[1, 2, 3], [4]]);
  });

  it('never mixes tenants', async () => {
    const seen: [string, number[]][] = [];
    const commits = new GroupCommit<number, number>(size, async (tenantId, items) => {
      seen.push([tenantId, items]);
      return items;
    });
    await Promise.all([
      commits.submit(tenant, 1),
      commits.submit('milano' as TenantId, 2),
      commits.submit(tenant, 3),
    ]);
    expect(seen).toEqual([
      ['roma', [1, 3]],
      ['milano', [2]],
    ]);
  });

  it('tries each item alone when a value of the group is at fault', async () => {
    const commits = new GroupCommit<number, number>(size, async (_tenant, items) => {
      if (items.includes(2)) throw Object.assign(new Error('numeric value out of range'), { code: '22003' });
      return items;
    });
    const answers = await Promise.allSettled([1, 2, 3].map((item) => commits.submit(tenant, item)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('rejects the whole group at once when the database is away', async () => {
    let tries = 0;
    const commits = new GroupCommit<number, number>(size, async () => {
      tries++;
      throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
    });
    const answers = await Promise.allSettled([1, 2].map((item) => commits.submit(tenant, item)));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(tries).toBe(1);
  });
});

describe('the pace of commits', () => {
  it('takes together what comes before the next commit may begin', async () => {
    const groups: number[][] = [];
    const paced = new GroupCommit<number, number>({ ...size, paceMs: 50 }, async (_tenant, items) => {
      groups.push(items);
      return items;
    });
    await paced.submit(tenant, 1);
    const second = paced.submit(tenant, 2);
    await new Promise(setImmediate);
    await Promise.all([second, paced.submit(tenant, 3)]);
    expect(groups).toEqual([[1], [2, 3]]);
  });

  it('does not hold back a full group', async () => {
    const groups: number[][] = [];
    const paced = new GroupCommit<number, number>({ ...size, paceMs: 60_000 }, async (_tenant, items) => {
      groups.push(items);
      return items;
    });
    await Promise.all([1, 2, 3, 4, 5, 6].map((item) => paced.submit(tenant, item)));
    expect(groups).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
});
