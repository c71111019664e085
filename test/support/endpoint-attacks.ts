import { toCursor } from '../../src/kernel/cursor';
import { type JsonObject } from '../../src/kernel/json';
import { PASSWORD } from './furnish';
import { parametersOf, pathWith, type PublishedOperation } from './published';

/** What an attacker has learned of somebody: a name, and ids by parameter of a path. */
export interface Victim {
  tenantId: string;
  mark: string;
  ids: Record<string, string>;
}

/** In the order in which they are tried: what an attacker stores of his own comes last. */
export const KINDS = ['no credential', 'header', 'path', 'query', 'body'] as const;

/** One request of an attacker under his own key. */
export interface Attack {
  kind: (typeof KINDS)[number];
  method: string;
  path: string;
  body?: JsonObject;
  headers?: Record<string, string>;
  /** Statuses that are right; otherwise any below 500, and what it says is compared. */
  expected?: number[];
}

const job = (more: JsonObject): JsonObject => ({ data_type: 'x', payload: {}, ...more });
const id = (victim: Victim, parameter: string): string => victim.ids[parameter] ?? '';
const inline = (name: string): JsonObject => ({
  name,
  protocol: 'REST',
  endpoint: 'https://example.com/',
});

type Bodies = (victim: Victim) => JsonObject[];
const none: Bodies = () => [{}];
const NOWHERE = 'http://127.0.0.1:1/';
const DESTINATION = { name: 'stolen', protocol: 'REST', configuration: { endpoint: NOWHERE } };
const transform: Bodies = () => [{ name: 'stolen', engine: 'field_mapping', spec: { a: 'b' } }];
const rule: Bodies = ({ mark, tenantId }) => [
  { name: 'stolen', rule_type: 'routing', actions: { destinations: [mark] } },
  { name: 'stolen', rule_type: 'transformation', actions: { transform: mark } },
  { name: 'stolen', rule_type: 'routing', actions: { stop: true }, tenant_id: tenantId },
  { name: 'stolen', rule_type: 'routing', actions: { stop: true }, tenant_id: null },
];
const event: Bodies = ({ mark, tenantId, ids }) => [
  job({ destinations: [mark] }),
  job({ destinations: [ids['destinations/{destination}'] ?? ''] }),
  job({ data_type: mark }),
  job({ tenant_id: tenantId }),
];

/**
 * Bodies that would do something with what they name, were it the sender's own. An endpoint that takes a body and is not
 * here fails the test: give it some.
 */
const BODIES: Readonly<Record<string, Bodies>> = {
  'POST distribution/submit': (victim) => [
    ...event(victim),
    job({ destinations: [`${victim.mark}-lost`], options: { ordering_key: victim.mark } }),
    job({ destinations: [inline(victim.mark)], options: { deliver_at: '2040-01-01T00:00:00Z' } }),
    job({ destinations: [{ ...inline('x'), transform: victim.mark }] }),
  ],
  'POST distribution/bulk-submit': (victim) => [
    { distributions: event(victim) },
    { distributions: [job({})], tenant_id: victim.tenantId },
  ],
  'POST distribution/replay': (victim) => [
    { filter: { destination: victim.mark } },
    { filter: { data_type: victim.mark, status: 'failed' }, dry_run: true },
    { filter: { batch_id: id(victim, 'batch/{batch_id}') } },
    { filter: { q: victim.mark, tenant_id: victim.tenantId } },
  ],
  'POST distribution/{distribution_id}/replay': ({ mark }) => [{}, { destinations: [mark] }],
  'POST distribution/{distribution_id}/callbacks/replay': none,
  'POST distribution/batch/{batch_id}/callbacks/replay': none,
  'POST dead-letters/redrive': letters,
  'POST dead-letters/discard': letters,
  'POST destinations/register': (victim) => [
    DESTINATION,
    { ...DESTINATION, name: `${victim.mark}-x`, transform_config: { transform: victim.mark } },
  ],
  'PUT destinations/{destination}': () => [DESTINATION],
  'PATCH destinations/{destination}': () => [{ status: 'inactive' }, { description: 'stolen' }],
  'POST destinations/test': ({ mark, tenantId }) => [
    { name: mark, protocol: 'REST', configuration: { endpoint: NOWHERE } },
    { ...DESTINATION, tenant_id: tenantId },
    { ...DESTINATION, transform_config: { transform: mark } },
  ],
  'POST destinations/{destination}/test': none,
  'POST api-keys': ({ mark, tenantId }) => [
    { name: mark, scopes: ['distribution:read'], tenant_id: tenantId },
    { name: 'x', scopes: ['platform:admin'] },
  ],
  'POST api-keys/{id}/rotate': () => [{ overlap_seconds: 0 }],
  'POST signing-secrets/rotate': ({ tenantId }) => [{ tenant_id: tenantId }],
  'POST tenants': ({ tenantId }) => [{ id: tenantId, name: 'stolen' }],
  'PATCH tenants/{id}': () => [{ status: 'suspended' }],
  'POST tenants/{id}/erase': ({ mark, tenantId }) => [
    { subject: { path: 'payload.mark', value: mark } },
    { subject: { path: 'payload.mark', value: mark }, dry_run: true },
    { confirm: tenantId },
  ],
  'POST tenants/{id}/export': ({ mark }) => [{ subject: { path: 'payload.mark', value: mark } }],
  'POST rules': rule,
  'PUT rules/{id}': rule,
  'PATCH rules/{id}': ({ mark }) => [{ enabled: true }, { actions: { destinations: [mark] } }],
  'POST rules/match': ({ tenantId, mark }) => [
    { pattern: { tenant_id: [tenantId] }, event: { tenant_id: mark } },
  ],
  'POST rules/explain': event,
  'POST data-types': ({ mark, tenantId }) => [{ id: mark, name: 'stolen', tenant_id: tenantId }],
  'PUT data-types/{id}': ({ mark }) => [{ id: mark, name: 'stolen' }],
  'PATCH data-types/{id}': () => [{ name: 'stolen' }],
  'POST transforms': ({ tenantId }) => [
    { name: 'stolen', engine: 'field_mapping', spec: {}, tenant_id: tenantId },
  ],
  'POST transforms/preview': ({ mark }) => [
    { transform: mark, payload: {} },
    { transform: { engine: 'field_mapping', spec: {} }, payload: {}, data_type: mark },
  ],
  'PUT transforms/{transform}': transform,
  'PATCH transforms/{transform}': () => [{ name: 'stolen' }],
  'POST auth/login': ({ tenantId, mark }) => [
    { tenant_id: tenantId, username: mark, password: 'not the password' },
    { tenant_id: 'tenant-a', username: mark, password: PASSWORD },
  ],
  'POST auth/password': () => [{ current_password: PASSWORD, new_password: 'stolen and changed' }],
  'POST users': ({ tenantId }) => [
    { username: 'stolen', password: PASSWORD, role: 'viewer', tenant_id: tenantId },
    { username: 'root', password: PASSWORD, role: 'platform_admin' },
  ],
  'PATCH users/{id}': () => [{ status: 'disabled' }, { password: 'stolen and changed' }],
};

function letters(victim: Victim): JsonObject[] {
  const reason = 'stolen';
  return [
    { ids: [id(victim, 'dead-letters/{dead_letter_id}')], reason },
    { filter: { destination: `${victim.mark}-lost` }, reason, dry_run: true },
    { filter: { distribution_id: id(victim, 'distribution/{distribution_id}') }, reason },
    { filter: { data_type: victim.mark, tenant_id: victim.tenantId }, reason },
  ];
}

/** Values of a query parameter that point at the victim. One that is not here fails the test. */
const QUERY: Readonly<Record<string, (victim: Victim) => string[]>> = {
  tenant_id: ({ tenantId }) => [tenantId],
  destination: ({ mark, ids }) => [mark, ids['destinations/{destination}'] ?? ''],
  data_type: ({ mark }) => [mark],
  distribution_id: (victim) => [id(victim, 'distribution/{distribution_id}')],
  batch_id: (victim) => [id(victim, 'batch/{batch_id}')],
  resource_id: ({ mark, ids }) => [mark, ...Object.values(ids)],
  actor: ({ mark }) => [`key:${mark}`, `user:${mark}`],
  q: ({ mark }) => [mark, '%', '_'],
  cursor: ({ ids }) => Object.values(ids).map(toCursor),
  ...Object.fromEntries(
    // They take no name of anything.
    ['status', 'priority', 'from_date', 'to_date', 'limit', 'offset', 'error_code', 'action', 'enabled']
      .concat('resource_type', 'rule_type', 'hours', 'fail_fast', 'callback_url', 'code', 'state', 'iss')
      .map((name) => [name, () => []]),
  ),
};

const PUBLIC =
  /^\/(health\/(live|ready|startup)$|api\/v1\/auth\/(login|refresh|logout|oidc(\/(start|callback))?)$)/;
/** Figures of the process, for its operator: by token or from this machine only (docs/security.md). */
const OPERATORS = /^\/metrics$/;

const DENIED = [403, 404];

/** Everything that is tried, in the order of KINDS. */
export const attacksOnAll = (operations: readonly PublishedOperation[], victim: Victim): Attack[] => {
  const attacks = operations.flatMap((operation) => attacksOn(operation, victim));
  return KINDS.flatMap((kind) => attacks.filter((attack) => attack.kind === kind));
};

function attacksOn(operation: PublishedOperation, victim: Victim): Attack[] {
  if (OPERATORS.test(operation.path)) return [];
  const named = `${operation.method} ${operation.path.replace('/api/v1/', '')}`;
  const bodies = BODIES[named];
  if (operation.takesBody && bodies === undefined) throw new Error(`${named}: give this test a body for it`);
  return [...pathAttacks(operation, victim, bodies), ...queryAttacks(operation, victim)].concat(
    headerAttacks(operation, victim, bodies),
  );
}

function pathAttacks({ method, path }: PublishedOperation, victim: Victim, bodies?: Bodies): Attack[] {
  const named = parametersOf(path).length > 0;
  const found = named ? pathsOf(path, victim) : [path];
  const sent = bodies?.(victim) ?? [undefined];
  if (!named && bodies === undefined) return [];
  return found.flatMap((at) =>
    sent.map((body) => ({
      kind: named ? ('path' as const) : ('body' as const),
      method,
      path: at,
      ...(body === undefined ? {} : { body }),
      ...(named ? { expected: DENIED } : {}),
    })),
  );
}

/** By id, and by name where that is a way to say which. */
function pathsOf(path: string, victim: Victim): string[] {
  const byName = { ...victim.ids, 'destinations/{destination}': victim.mark };
  return [...new Set([pathWith(path, victim.ids), pathWith(path, byName)])];
}

function queryAttacks({ method, path, query }: PublishedOperation, victim: Victim): Attack[] {
  const at = pathWith(path, victim.ids);
  return [...query, 'tenant_id'].flatMap((name) => {
    const values = QUERY[name];
    if (values === undefined) throw new Error(`${method} ${path}?${name}=: give this test values for it`);
    return values(victim).map((value) => ({
      kind: 'query' as const,
      method,
      path: `${at}?${new URLSearchParams({ [name]: value }).toString()}`,
    }));
  });
}

function headerAttacks({ method, path }: PublishedOperation, victim: Victim, bodies?: Bodies): Attack[] {
  if (PUBLIC.test(path)) return [];
  const body = bodies?.(victim)[0];
  const request = { method, path: pathWith(path, victim.ids), ...(body === undefined ? {} : { body }) };
  return [
    { kind: 'header', ...request, headers: { 'x-tenant-id': victim.tenantId }, expected: [403] },
    { kind: 'no credential', ...request, headers: { 'x-api-key': '' }, expected: [401] },
    {
      kind: 'no credential',
      ...request,
      headers: { 'x-api-key': `zk_${'0'.repeat(32)}`, 'x-tenant-id': victim.tenantId },
      expected: [401],
    },
  ];
}
