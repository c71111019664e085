import { type JsonObject } from '../../src/kernel/json';
import { Api, must, type Reply, type Submission, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { ok } from '../support/receiver';
import { type Explained, explain, makeRule, type Reason, routing, rulesPath } from '../support/rules';
import { World } from '../support/world';

let world: World;
let platform: Api;
let tenants = 0;

beforeAll(async () => {
  world = await World.create();
  platform = new Api(() => world.service.url, world.service.adminKey);
});

afterAll(() => world.dispose());

/** A tenant of its own for each test, with receivers under these names. */
async function tenantWith(...destinations: string[]): Promise<TestTenant> {
  const tenant = await world.tenant(`rules-${++tenants}`);
  for (const name of destinations) {
    await tenant.api.register(name, { endpoint: world.receiver.on(`/${tenant.id}/${name}`, ok) });
  }
  return tenant;
}

async function plannedNames(tenant: TestTenant, submission: Submission): Promise<string[]> {
  const id = await tenant.api.accepted(submission);
  const { body } = must(await tenant.api.status(id), 200);
  return body.destinations.map(({ name }) => name);
}

describe('a submission without destinations', () => {
  it('goes where all four types of rules send it, as explain predicted', async () => {
    const tenant = await tenantWith('crm', 'archive', 'lake', 'spare');
    await tenant.api.patchDestination('archive', { tags: ['legal'] });
    await makeRule(tenant, {
      name: 'no lake',
      rule_type: 'filtering',
      actions: { exclude_destinations: ['lake'] },
    });
    await makeRule(tenant, {
      name: 'tests',
      rule_type: 'filtering',
      conditions: { metadata: { test: [true] } },
      actions: { drop: true, reason: 'tests go nowhere' },
    });
    await makeRule(tenant, {
      name: 'large first',
      rule_type: 'prioritization',
      conditions: { payload: { total: [{ numeric: ['>', 100] }] } },
      actions: { priority: 'critical' },
    });
    await makeRule(tenant, routing('reports', { destinations: ['crm', 'lake'], tags: ['legal'] }));
    await makeRule(tenant, routing('gone', { destinations: ['nobody'], fallback: ['spare'] }));
    await makeRule(
      tenant,
      routing('invoices', { destinations: ['lake'] }, { conditions: { data_type: ['invoice'] } }),
    );

    const submission = { payload: { total: 500 } };
    const explained = await explain(tenant, submission);
    expect(await world.count(`FROM distribution_jobs WHERE tenant_id = '${tenant.id}'`)).toBe(0);
    expect(explained).toMatchObject({ outcome: 'deliver', priority: 'critical' });
    expect(explained.destinations.map(({ name, reason }) => [name, reason])).toEqual([
      ['spare', 'added in place of another by the rule gone'],
      ['crm', 'added by the rule reports'],
      ['archive', 'added by the rule reports'],
    ]);
    expect(explained.rules.map(({ rule, matched, applied }) => [rule, matched, applied])).toEqual([
      ['no lake', true, false],
      ['tests', false, false],
      ['large first', true, true],
      ['gone', true, true],
      ['invoices', false, false],
      ['reports', true, true],
    ]);
    expect(explained.rules.find(({ rule }) => rule === 'invoices')?.why).toEqual([
      'data_type has no value that the rule asks for',
    ]);
    expect(explained.warnings).toEqual([
      'rule gone: nobody is not registered',
      'rule reports: lake is excluded by no lake',
    ]);

    const id = await tenant.api.accepted(submission);
    const ended = await eventually({ until: 'the job to end' }, async () => {
      const { body } = must(await tenant.api.status(id), 200);
      expect(body.status).toBe('completed');
      return body;
    });
    expect(ended).toMatchObject({
      priority: 'critical',
      outcome: 'deliver',
      reasons: explained.reasons,
      rules_version: explained.rules_version,
    });
    expect(ended.destinations.map(({ name }) => name)).toEqual(['spare', 'crm', 'archive']);

    const dropped = await tenant.api.accepted({ metadata: { test: true } });
    expect((await tenant.api.status(dropped)).body).toMatchObject({
      status: 'completed',
      outcome: 'filtered',
      destinations: [],
    });
    const [stored] = await world.rows<{ plan: { reasons: Reason[] } }>(
      `SELECT plan FROM distribution_jobs WHERE distribution_id = $1`,
      [dropped],
    );
    expect(stored?.plan.reasons[1]).toMatchObject({
      rule: 'tests',
      effect: 'dropped',
      message: 'tests go nowhere',
    });
  });

  it('of a tenant without rules is stored as no_match', async () => {
    const tenant = await tenantWith();
    const id = await tenant.api.accepted({});
    expect((await tenant.api.status(id)).body).toMatchObject({ outcome: 'no_match', rules_version: null });
  });

  it('takes attempts from its options to what rules add, and the transform that the request names over the rule', async () => {
    const tenant = await tenantWith('crm', 'lake');
    await makeRule(tenant, routing('all', { destinations: ['crm', 'lake'] }));
    const shortForm = { name: 'short-form', engine: 'jsonata', spec: 'payload' };
    must(await tenant.api.json('POST', '/api/v1/transforms', shortForm), 201);
    await makeRule(tenant, {
      name: 'short',
      rule_type: 'transformation',
      actions: { transform: 'short-form' },
    });
    const destinations = [{ name: 'crm', transform: 'my-own' }];
    const { body } = must(
      await tenant.api.json<Explained>('POST', `${rulesPath}/explain`, {
        data_type: 'report',
        payload: {},
        destinations,
        options: { max_retries: 1 },
      }),
      200,
    );
    expect(body.destinations.map(({ name, transform }) => [name, transform])).toEqual([
      ['crm', 'my-own'],
      ['lake', 'short-form'],
    ]);
    const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
    const id = await tenant.api.accepted({ destinations, options: { max_retries: 1, deliver_at } });
    const [job] = await world.rows<{ destinations: JsonObject[] }>(
      `SELECT destinations FROM distribution_jobs WHERE distribution_id = $1`,
      [id],
    );
    expect(
      job?.destinations.map(({ name, transform, max_attempts }) => [name, transform, max_attempts]),
    ).toEqual([
      ['crm', 'my-own', 2],
      ['lake', 'short-form', 2],
    ]);
    must(await tenant.api.cancel(id), 200);
  });
});

describe('a rule that is changed', () => {
  it('keeps its versions, with who made them, and an audit entry each', async () => {
    const tenant = await tenantWith();
    const id = await makeRule(tenant, routing('r', { stop: true }));
    must(
      await tenant.api.json('PUT', `${rulesPath}/${id}`, routing('r2', { stop: true }, { priority: 7 })),
      200,
    );
    must(await tenant.api.json('POST', `${rulesPath}/${id}/disable`, {}), 200);
    const { body } = await tenant.api.get<{ versions: Reply[] }>(`${rulesPath}/${id}/versions`);
    expect(body.versions).toMatchObject([
      { version: 3, changed_by: 'key:tests', content: { name: 'r2', enabled: false } },
      { version: 2, content: { name: 'r2', priority: 7, enabled: true } },
      { version: 1, content: { name: 'r', priority: 0 } },
    ]);
    const rows = await world.rows<{ action: string }>(
      `SELECT action FROM audit_log WHERE tenant_id = $1 AND resource_type = 'rule' ORDER BY id`,
      [tenant.id],
    );
    expect(rows.map(({ action }) => action)).toEqual(['create', 'update', 'disable']);
  });
});

describe('rules of the platform', () => {
  it('hold for every tenant and are changed by platform administrators only', async () => {
    const tenant = await tenantWith('crm');
    const conditions = { tenant_id: [tenant.id] };
    const rule = routing('global', { destinations: ['crm'] }, { conditions, tenant_id: null });
    expect((await tenant.api.json('POST', rulesPath, rule)).status).toBe(403);
    const id = await makeRule({ api: platform }, rule);
    const soon = { until: 'the global rule to be in force', withinMs: 2000 };
    await eventually(soon, async () => expect(await plannedNames(tenant, {})).toEqual(['crm']));
    expect((await explain(tenant, {})).rules).toMatchObject([{ rule: 'global', scope: 'global' }]);

    expect((await tenant.api.get(`${rulesPath}/${id}`)).body).toMatchObject({ tenant_id: null });
    const path = `${rulesPath}/${id}`;
    expect((await tenant.api.json('PATCH', path, { priority: 1 })).status).toBe(403);
    expect((await tenant.api.send('DELETE', path)).status).toBe(403);
    must(await platform.json('PATCH', path, { priority: 1 }), 200);
    must(await platform.send('DELETE', path), 204);
    await eventually(soon, async () => expect(await plannedNames(tenant, {})).toEqual([]));
  });

  it('show nothing of the rules of tenants', async () => {
    const tenant = await tenantWith();
    const foreign = await tenantWith();
    const id = await makeRule(tenant, routing('mine', { stop: true }));
    for (const api of [platform, foreign.api]) {
      for (const [method, path, body] of [
        ['GET', '', undefined],
        ['GET', '/versions', undefined],
        ['PATCH', '', { priority: 1 }],
        ['POST', '/disable', {}],
        ['DELETE', '', undefined],
      ] as const) {
        const answer = await api.send(method, `${rulesPath}/${id}${path}`, body && JSON.stringify(body), {
          'content-type': 'application/json',
        });
        expect([method, path, answer.status]).toEqual([method, path, 404]);
      }
      const { rules } = must(await api.get<{ rules: Reply[] }>(rulesPath), 200).body;
      expect(rules.filter(({ tenant_id }) => tenant_id === tenant.id)).toEqual([]);
    }
    const named = new Api(() => world.service.url, world.service.adminKey, { 'x-tenant-id': tenant.id });
    must(await named.json('PATCH', `${rulesPath}/${id}`, { priority: 3 }), 200);
  });
});

describe('what cannot be a rule', () => {
  it.each<[string, JsonObject, number, string]>([
    ['an unknown type', { ...routing('x', {}), rule_type: 'sorting' }, 400, 'rule_type'],
    ['a pattern that is none', routing('x', { stop: true }, { conditions: { a: 5 } }), 400, 'conditions.a'],
    [
      'an expression that cannot be read',
      routing('x', { stop: true }, { conditions: { $expr: 'a b' } }),
      400,
      'conditions.$expr',
    ],
    [
      'an inline transform of no engine',
      { name: 'x', rule_type: 'transformation', actions: { transform: { engine: 'perl', spec: 'x' } } },
      400,
      'actions.transform.engine',
    ],
    [
      'an inline transform that cannot be read',
      { name: 'x', rule_type: 'transformation', actions: { transform: { engine: 'jsonata', spec: '(' } } },
      400,
      'actions.transform.spec',
    ],
    [
      'a transform that is not there',
      { name: 'x', rule_type: 'transformation', actions: { transform: 'nobody' } },
      400,
      'actions.transform',
    ],
    ['actions of another type', routing('x', { drop: true, stop: true }), 400, 'actions.drop'],
    ['a list that is none', routing('x', { destinations: 'crm' }), 400, 'actions.destinations'],
    ['the tenant of somebody else', routing('x', { stop: true }, { tenant_id: 'else' }), 403, 'tenant_id'],
  ])('is refused with its place: %s', async (_name, rule, status, field) => {
    const tenant = await tenantWith();
    const { body } = must(await tenant.api.json('POST', rulesPath, rule), status);
    expect(JSON.stringify(body['details'])).toContain(`"field":"${field}"`);
  });

  it('is refused when its name is taken, until the other one is deleted', async () => {
    const tenant = await tenantWith();
    const id = await makeRule(tenant, routing('same', { stop: true }));
    must(await tenant.api.json('POST', rulesPath, routing('same', { stop: true })), 409);
    must(await tenant.api.send('DELETE', `${rulesPath}/${id}`), 204);
    await makeRule(tenant, routing('same', { stop: true }));
  });
});

describe('rules that would send a job to more destinations than it may have', () => {
  it('refuse it, in explain as in submit', async () => {
    const tenant = await tenantWith();
    const names = Array.from({ length: 101 }, (_, index) => `d${index}`);
    await world.rows(
      `INSERT INTO destinations (id, tenant_id, name, protocol, tags)
       SELECT gen_random_uuid(), $1, name, 'REST', '{all}' FROM unnest($2::text[]) AS name`,
      [tenant.id, names],
    );
    await makeRule(tenant, routing('all', { tags: ['all'] }));
    for (const path of ['/api/v1/distribution/submit', `${rulesPath}/explain`]) {
      const { body } = must(await tenant.api.json('POST', path, { data_type: 'a', payload: {} }), 400);
      expect(body['details']).toMatchObject({ field: 'destinations' });
    }
  });
});

describe('match', () => {
  it('tells whether a pattern matches, or what is wrong with it', async () => {
    const { api } = await tenantWith();
    const match = (pattern: JsonObject, event: JsonObject) =>
      api.json('POST', `${rulesPath}/match`, { pattern, event });
    expect((await match({ a: [{ prefix: 'x' }] }, { a: 'xy' })).body).toEqual({ matched: true, why: [] });
    expect((await match({ a: ['x'], b: [1] }, { a: 'xy', b: 1 })).body).toEqual({
      matched: false,
      why: ['a has no value that the rule asks for'],
    });
    const { body } = must(await match({ a: [] }, {}), 400);
    expect(body['details']).toMatchObject({ field: 'pattern.a' });
  });
});

describe('a rule with an expression', () => {
  it('applies where its expression is true of the job', async () => {
    const tenant = await tenantWith('crm');
    const large = { $expr: '$sum(payload.items.price) > 100' };
    await makeRule(tenant, routing('large orders', { destinations: ['crm'] }, { conditions: large }));
    const small = await tenant.api.accepted({ payload: { items: [{ price: 40 }, { price: 50 }] } });
    expect((await tenant.api.status(small)).body).toMatchObject({ outcome: 'no_match' });
    const big = await tenant.api.accepted({ payload: { items: [{ price: 70 }, { price: 50 }] } });
    expect((await tenant.api.status(big)).body).toMatchObject({
      outcome: 'deliver',
      reasons: [{ rule: 'large orders' }],
    });
  });
});

describe('a rule with an expression that cannot be evaluated', () => {
  it('does not apply, and the job says so', async () => {
    const tenant = await tenantWith('crm');
    await makeRule(
      tenant,
      routing('asks', { destinations: ['crm'] }, { conditions: { $expr: '$error("no")' } }),
    );
    const explained = await explain(tenant, {});
    expect(explained.outcome).toBe('no_match');
    expect(explained.rules).toMatchObject([{ rule: 'asks', matched: false, applied: false }]);
    const id = await tenant.api.accepted({});
    expect((await tenant.api.status(id)).body).toMatchObject({
      outcome: 'no_match',
      reasons: [{ rule: 'asks', effect: 'failed' }],
    });
  });
});
