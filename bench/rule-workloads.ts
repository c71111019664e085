import { type JsonObject } from '../src/kernel/json';

/**
 * Rules and events of one tenant. Whatever the number of rules, an event meets a handful of them: what grows is what
 * the matcher has to keep away.
 */
export const RULE_KINDS = {
  exact: (i: number): JsonObject => ({ payload: { customer: { id: [`c-${i}`] } } }),
  prefix: (i: number): JsonObject => ({ source: [{ prefix: `svc-${i}.` }] }),
  suffix: (i: number): JsonObject => ({ payload: { file: [{ suffix: `-${i}.csv` }] } }),
  wildcard: (i: number): JsonObject => ({ payload: { file: [{ wildcard: `in/*/report-${i}.*` }] } }),
  'anything-but': (i: number): JsonObject => ({
    source: [{ prefix: `svc-${i}.` }],
    payload: { status: [{ 'anything-but': [`s-${i % 7}`, 'closed'] }] },
  }),
  numeric: (i: number): JsonObject => ({
    payload: { amount: [{ numeric: ['>=', i * 10, '<', i * 10 + 10] }] },
  }),
  mixed,
} satisfies Record<string, (i: number) => JsonObject>;

/** All on ten data types, told apart by every kind of operator. */
function mixed(i: number): JsonObject {
  const data_type = [`type-${i % 10}`];
  const shapes: JsonObject[] = [
    { data_type, payload: { customer: { id: [`c-${i}`] } } },
    { data_type, source: [{ prefix: `svc-${i}.` }] },
    { data_type, payload: { file: [{ suffix: `-${i}.csv` }] } },
    { data_type, payload: { file: [{ wildcard: `in/*/report-${i}.*` }] } },
    { source: [{ prefix: `svc-${i}.` }], payload: { status: [{ 'anything-but': ['closed', 'void'] }] } },
    { data_type, payload: { amount: [{ numeric: ['>=', i * 10, '<', i * 10 + 10] }] } },
    { payload: { customer: { id: [`c-${i}`], ip: [{ cidr: '10.0.0.0/8' }] } }, priority: ['high', 'normal'] },
    {
      data_type,
      payload: { gone: [{ exists: false }], items: { sku: [`sku-${i}`], qty: [{ numeric: ['>', 1] }] } },
    },
    {
      $or: [{ source: [{ prefix: `svc-${i}.` }] }, { payload: { customer: { id: [`c-${i}`] } } }],
      data_type,
    },
    {
      data_type,
      payload: { file: [{ suffix: { 'equals-ignore-case': `-${i}.CSV` } }], amount: [{ exists: true }] },
    },
  ];
  return shapes[i % shapes.length] as JsonObject;
}

/** About 900 bytes of JSON each; the numbers in them meet rules 0 to 9 and so some rule of every set but the smallest. */
export function events(count: number): JsonObject[] {
  return Array.from({ length: count }, (_, i) => event(i % 10));
}

function event(i: number): JsonObject {
  return {
    tenant_id: 'tenant-1',
    data_type: `type-${i}`,
    priority: 'normal',
    source: `svc-${i}.orders.eu-central-1`,
    payload: {
      customer: { id: `c-${i}`, tier: 'gold', email: `someone-${i}@example.com`, ip: `10.3.4.${i}` },
      amount: i * 10 + 2.5,
      currency: 'EUR',
      status: 'open',
      file: `in/2024-06-0${i}/report-${i}.csv`,
      note: 'Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor invidunt ut labore',
      items: Array.from({ length: 4 }, (_, k) => ({
        sku: `sku-${i + k}`,
        qty: k,
        price: 9.99,
        name: `Article ${k}`,
      })),
    },
    metadata: {
      correlation_id: `7d1f2c1e-8f3b-4a52-9c55-00000000000${i}`,
      received_at: '2024-06-01T12:00:00.000Z',
      attempt: 1,
      labels: ['alpha', 'beta', 'gamma'],
      trace: { id: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7', sampled: true },
    },
    destinations: ['archive', 'billing'],
  };
}

/** An event of at least this many bytes, nearly all of it in one array of objects. */
export function largeEvent(bytes: number): JsonObject {
  const base = event(1);
  const item = (k: number): JsonObject => ({
    sku: `sku-${k}`,
    qty: k % 5,
    price: 9.99,
    name: `Article ${k}`,
  });
  const each = JSON.stringify(item(10_000)).length + 1;
  return {
    ...base,
    payload: {
      ...(base.payload as JsonObject),
      items: Array.from({ length: Math.ceil(bytes / each) }, (_, k) => item(k + 10_000)),
    },
  };
}

/** An event with one text of this many characters. */
export const longText = (bytes: number): JsonObject => {
  const line = 'An error 17 at line 4 of the report. ';
  return { ...event(1), payload: { note: line.repeat(Math.ceil(bytes / line.length)) } };
};
