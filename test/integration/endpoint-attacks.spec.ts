import { randomBytes } from 'node:crypto';
import { Api, must, type Answer } from '../support/api';
import { furnish, type Furnished } from '../support/furnish';
import { parametersOf, pathWith, publishedOperations } from '../support/published';
import { securityFigure } from '../support/security-figures';
import { World } from '../support/world';
import { type Attack, attacksOnAll, type Victim } from '../support/endpoint-attacks';

let world: World;
let a: Furnished;
let b: Furnished;

beforeAll(async () => {
  world = await World.create();
  a = await furnish(world, 'tenant-a', 'belongs-to-a');
  b = await furnish(world, 'tenant-b', 'belongs-to-b');
});

afterAll(() => world.dispose());

const victimOf = ({ tenant, mark, ids }: Furnished): Victim => ({ tenantId: tenant.id, mark, ids });

/** Somebody who does not exist, with ids of the same form and age, so that only existence makes a difference. */
function nobodyLike({ ids }: Victim): Victim {
  const other = (value: string): string =>
    /^[0-9a-f]{8}-/.test(value) ? `${value.slice(0, 24)}${randomBytes(6).toString('hex')}` : 'belongs-to-n';
  const invented = Object.entries(ids).map(([parameter, value]) => [parameter, other(value)]);
  return { tenantId: 'tenant-n', mark: 'belongs-to-n', ids: Object.fromEntries(invented) as Victim['ids'] };
}

const sentOf = (victim: Victim): string[] => [victim.mark, victim.tenantId, ...Object.values(victim.ids)];

/** An answer without what is new in every answer, and without what tells victims and attackers apart. */
function words({ status, body }: Answer, ...known: Victim[]): string {
  let text = JSON.stringify(body);
  const values = known.flatMap(sentOf).sort((one, two) => two.length - one.length);
  for (const value of values) text = text.replaceAll(value, '<known>');
  return `${status} ${text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replace(/[0-9a-f]{64}/g, '<hash>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/whsec_[^"]+|zk_[0-9a-f…]+/g, '<secret>')
    .replace(/"[a-z_]*(_ms|_seconds)":[\d.]+/g, '"<duration>"')}`;
}

async function tried(by: Furnished, attack: Attack): Promise<{ answer: Answer; ms: number }> {
  const { method, path, body, headers = {} } = attack;
  const { api } = by.tenant;
  const began = performance.now();
  const answer =
    body === undefined
      ? await api.send(method, path, undefined, headers)
      : await api.json(method, path, body, headers);
  return { answer, ms: performance.now() - began };
}

/** Everything of the other tenant that stands in an answer although nobody has said it to the service. */
function foreignIn({ body, headers }: Answer, said = ''): string[] {
  const text = JSON.stringify([body, [...headers]]);
  return [b.hidden, ...sentOf(victimOf(b))].filter((value) => text.includes(value) && !said.includes(value));
}

const median = (values: number[]): number => values.sort((x, y) => x - y)[Math.floor(values.length / 2)] ?? 0;

/** Every row of the other tenant but for what time alone changes. */
async function stateOfB(): Promise<Record<string, string | null>> {
  const tables = await world.rows<{ name: string; column: string }>(
    `SELECT c.relname AS name, CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END AS column
     FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname NOT IN ('rate_limits', 'lanes', 'retry_policy_changes')
       AND (c.relname = 'tenants' OR EXISTS (
         SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped))`,
  );
  const state: Record<string, string | null> = {};
  for (const { name, column } of tables) {
    const [row] = await world.rows<{ digest: string | null }>(
      `SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest FROM ${name} t WHERE ${column} = $1`,
      [b.tenant.id],
    );
    state[name] = row?.digest ?? null;
  }
  return state;
}

/**
 * One attacker asks about the other tenant, his twin the same about somebody who does not exist: two tenants, so that
 * what the one has stored meanwhile does not change what the other is told.
 */
class Comparison {
  readonly wrong: string[] = [];
  readonly seen: string[] = [];
  readonly different: string[] = [];
  readonly msExisting: number[] = [];
  readonly msInvented: number[] = [];
  compared = 0;
  private said = '';

  constructor(
    private readonly attacker: Furnished,
    private readonly twin: Furnished,
  ) {}

  async pair(attack: Attack, nobody: Victim, onNobody: Attack): Promise<void> {
    const { answer, ms } = await tried(this.attacker, attack);
    const other = await tried(this.twin, onNobody);
    const { kind, method, path, body, expected } = attack;
    const name = `${kind}: ${method} ${path} ${JSON.stringify(body ?? '')}`;
    this.compared++;
    // 502: a test of a destination says that nobody is there.
    if ((answer.status >= 500 && answer.status !== 502) || expected?.includes(answer.status) === false) {
      this.wrong.push(`${answer.status} ${name}`);
    }
    this.said += JSON.stringify(body ?? '');
    const said = `${decodeURIComponent(path)} ${JSON.stringify(attack)} ${this.said}`;
    for (const value of foreignIn(answer, said)) this.seen.push(`${value} in ${name}`);
    const here = words(answer, victimOf(b), victimOf(this.attacker));
    const there = words(other.answer, nobody, victimOf(this.twin));
    if (here !== there) this.different.push(`${name}\n  ${here}\n  ${there}`);
    if (kind !== 'path') return;
    this.msExisting.push(ms);
    this.msInvented.push(other.ms);
  }
}

it('nothing of another tenant can be read, changed or noticed, at any endpoint', async () => {
  const operations = await publishedOperations(world.service.url);
  const comparison = new Comparison(
    await furnish(world, 'tenant-x', 'of-an-attacker'),
    await furnish(world, 'tenant-y', 'of-an-attacker'),
  );
  const before = await stateOfB();
  const nobody = nobodyLike(victimOf(b));
  const onNobody = attacksOnAll(operations, nobody);
  for (const [index, attack] of attacksOnAll(operations, victimOf(b)).entries()) {
    await comparison.pair(attack, nobody, onNobody[index] as Attack);
  }
  const { wrong, seen, different, compared, msExisting, msInvented } = comparison;
  securityFigure('endpoints_attacked', operations.length);
  securityFigure('endpoint_attacks', 2 * compared);
  securityFigure('foreign_rows', seen.length);
  securityFigure('answers_compared', compared);
  securityFigure('answers_that_differ', different.length);
  securityFigure('answer_median_ms_existing', Number(median(msExisting).toFixed(2)));
  securityFigure('answer_median_ms_invented', Number(median(msInvented).toFixed(2)));
  expect({ wrong, seen, different }).toEqual({ wrong: [], seen: [], different: [] });
  expect(await stateOfB()).toEqual(before);
}, 300_000);

it('what is refused to the one is there for the other', async () => {
  const readable = (await publishedOperations(world.service.url)).filter(
    ({ method, path }) => method === 'GET' && parametersOf(path).length > 0,
  );
  for (const { path } of readable) {
    if (path === '/api/v1/tenants/{id}') continue;
    const answer = await b.tenant.api.get(pathWith(path, b.ids));
    expect({ path, status: answer.status }).toEqual({ path, status: 200 });
  }
});

it('no list shows a foreign row, whole or page by page', async () => {
  const lists = (await publishedOperations(world.service.url)).filter(
    ({ method, path }) => method === 'GET' && parametersOf(path).length === 0 && path !== '/metrics',
  );
  let pages = 0;
  for (const { path, query } of lists) {
    let cursor: string | undefined;
    do {
      const page = { ...(query.includes('limit') ? { limit: '2' } : {}), ...(cursor ? { cursor } : {}) };
      const answer = await a.tenant.api.get(`${path}?${new URLSearchParams(page).toString()}`);
      pages++;
      expect({ path, foreign: foreignIn(answer) }).toEqual({ path, foreign: [] });
      cursor = typeof answer.body['next_cursor'] === 'string' ? answer.body['next_cursor'] : undefined;
    } while (cursor !== undefined);
  }
  securityFigure('list_pages_searched', pages);
  expect(pages).toBeGreaterThan(lists.length);
});

it('things may be named as another tenant names them, without a conflict that would tell of it', async () => {
  const { api } = await world.tenant('tenant-c');
  await api.register(b.mark, { endpoint: `${world.receiver.url}/mine` });
  const distribution_id = b.ids['distribution/{distribution_id}'];
  const options = { idempotency_key: `${b.mark}-key` };
  must(await api.submit({ distribution_id, options, destinations: [b.mark] }), 202);
  const user = { username: b.mark, email: `${b.hidden}@example.org`, password: 'a long password' };
  must(await api.json('POST', '/api/v1/users', { ...user, role: 'viewer' }), 201);
  must(await api.json('POST', '/api/v1/data-types', { id: b.mark, name: b.mark }), 201);
  const transform = { name: b.mark, engine: 'field_mapping', spec: { a: 'b' } };
  must(await api.json('POST', '/api/v1/transforms', transform), 201);
  must(await api.send('DELETE', `/api/v1/destinations/${b.mark}`), 204);
  must(await b.tenant.api.get(`/api/v1/destinations/${b.mark}`), 200);
});

it('a platform key sees the tenant that it names and no other', async () => {
  const named = new Api(world.service.url, world.service.adminKey, { 'x-tenant-id': a.tenant.id });
  for (const path of ['distribution/list', 'destinations/list', 'dead-letters', 'audit-log', 'users']) {
    const answer = must(await named.get(`/api/v1/${path}`), 200);
    expect({ path, foreign: foreignIn(answer) }).toEqual({ path, foreign: [] });
  }
  expect((await named.get(pathWith('/api/v1/rules/{id}', b.ids))).status).toBe(404);
});
