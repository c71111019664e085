import { Api, must, type TestTenant } from '../support/api';
import { runCommand } from '../support/command';
import { World } from '../support/world';

type Entry = {
  sequence: number;
  actor: string;
  action: string;
  resource_type: string;
  resource_id: string;
  request_id: string | null;
  details: { before?: { status?: string }; after?: object };
};
type Page = { entries: Entry[]; next_cursor: string | null };
type Chain = { intact: boolean; entries: number; head: string | null; first_broken: number | null };

let world: World;
let counter = 0;

beforeAll(async () => {
  world = await World.create();
});

afterAll(async () => {
  await world.dispose();
});

const newTenant = (): Promise<TestTenant> => world.tenant(`audited-${++counter}`);
const read = async ({ api }: TestTenant, query = ''): Promise<Page> =>
  must(await api.get<Page>(`/api/v1/audit-log${query}`), 200).body;
const verify = async ({ api }: TestTenant): Promise<Chain> =>
  must(await api.get<Chain>('/api/v1/audit-log/verify'), 200).body;

/** As somebody with all rights on the database would. */
const tamper = (sql: string, tenantId: string): Promise<unknown> => world.rows(sql, [tenantId]);

describe('the audit log', () => {
  it('tells who changed what in which request, newest first, and no secret', async () => {
    const tenant = await newTenant();
    const endpoint = `${world.receiver.url}/a`;
    const auth = { type: 'bearer', token: 'canary-in-a-token' };
    await tenant.api.register('audited', { endpoint, auth });
    const answer = await tenant.api.json('PATCH', '/api/v1/destinations/audited', { status: 'maintenance' });
    const { entries } = await read(tenant, '?resource_type=destination');
    expect(entries.map(({ action }) => action)).toEqual(['update', 'create']);
    expect(entries[0]?.details.before?.status).toBe('active');
    expect(entries[0]?.request_id).toBe(answer.headers.get('x-request-id'));
    expect(entries[0]?.actor).toMatch(/^key:/);
    expect(JSON.stringify(entries)).not.toContain('canary-in-a-token');
  });

  it('is read page by page and by filter', async () => {
    const tenant = await newTenant();
    for (const name of ['one', 'two', 'three']) await tenant.api.createKey(name, ['config:read']);
    const first = await read(tenant, '?action=create&resource_type=api_key&limit=2');
    const second = await read(tenant, `?action=create&resource_type=api_key&cursor=${first.next_cursor}`);
    const names = [...first.entries, ...second.entries].map(
      ({ details }) => (details as { name?: string }).name,
    );
    expect(names.slice(0, 3)).toEqual(['three', 'two', 'one']);
    must(await tenant.api.get('/api/v1/audit-log?cursor=abc'), 400);
    expect((await read(tenant, '?actor=nobody')).entries).toEqual([]);
  });

  it("shows a platform administrator the tenant's entries, or the platform's own", async () => {
    const tenant = await newTenant();
    const of = async (headers: Record<string, string>): Promise<string[]> => {
      const platform = new Api(world.service.url, world.service.adminKey, headers);
      const { entries } = must(await platform.get<Page>('/api/v1/audit-log'), 200).body;
      return entries.map(({ resource_type, resource_id }) => `${resource_type}/${resource_id}`);
    };
    const name = `for-all-${counter}`;
    const rule = { name, rule_type: 'routing', actions: { stop: true }, tenant_id: null, enabled: false };
    const platform = new Api(world.service.url, world.service.adminKey);
    const { rule_id } = must(await platform.json('POST', '/api/v1/rules', rule), 201).body;
    expect(await of({})).toContain(`rule/${String(rule_id)}`);
    expect(await of({ 'x-tenant-id': tenant.id })).toContain(`tenant/${tenant.id}`);
    expect(await of({ 'x-tenant-id': tenant.id })).not.toContain(`rule/${String(rule_id)}`);
  });

  it('is for administrators only', async () => {
    const tenant = await newTenant();
    const { key } = await tenant.api.createKey('reader', ['config:read', 'distribution:read']);
    must(await new Api(world.service.url, String(key)).get('/api/v1/audit-log'), 403);
  });

  it('is one unbroken chain for each tenant, however many write at once', async () => {
    const tenant = await newTenant();
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => tenant.api.createKey(`key-${n}`, ['config:read'])),
    );
    const { entries } = await read(tenant, '?limit=1000');
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, n) => entries.length - n));
    expect(await verify(tenant)).toMatchObject({ intact: true, entries: entries.length, first_broken: null });
  });

  it.each([
    ['changed', `UPDATE audit_log SET actor = 'key:nobody' WHERE tenant_id = $1 AND sequence = 2`, 2],
    ['removed', `DELETE FROM audit_log WHERE tenant_id = $1 AND sequence = 2`, 3],
    [
      'changed and hashed again',
      `UPDATE audit_log a SET actor = 'key:nobody', hash = audit_entry_hash(
         (SELECT jsonb_populate_record(a, '{"actor": "key:nobody"}'))) WHERE tenant_id = $1 AND sequence = 2`,
      3,
    ],
  ])('shows that an entry was %s', async (_how, sql, firstBroken) => {
    const tenant = await newTenant();
    for (const name of ['a', 'b', 'c']) await tenant.api.createKey(name, ['config:read']);
    expect((await verify(tenant)).intact).toBe(true);
    await tamper(sql, tenant.id);
    expect(await verify(tenant)).toMatchObject({ intact: false, first_broken: firstBroken });
  });

  it('is verified as a whole by a command, which fails where a chain is broken', async () => {
    const good = await newTenant();
    const bad = await newTenant();
    const verifyAll = () =>
      runCommand('verify-audit', [], { DATABASE_URL: world.database.url, DATA_DIR: world.service.dataDir });
    const before = await verifyAll();
    expect(before.output).toMatch(new RegExp(`^${bad.id}  \\d+ entries  intact  head [0-9a-f]{64}$`, 'm'));
    await tamper(`UPDATE audit_log SET action = 'delete' WHERE tenant_id = $1 AND sequence = 1`, bad.id);
    const after = await verifyAll();
    expect(after.code).toBe(1);
    expect(after.output).toMatch(new RegExp(`^${bad.id}  \\d+ entries  BROKEN at entry 1`, 'm'));
    expect(after.output).toMatch(new RegExp(`^${good.id}  \\d+ entries  intact`, 'm'));
  });
});
