import { type JsonObject } from '../kernel/json';
import { amqpSchema } from './amqp/schema';
import { compileConfiguration } from './configuration';
import { emailSchema } from './email/schema';
import { jdbcSchema } from './jdbc/schema';
import { restSchema } from './rest/schema';
import { mask, MASK, restoreMasked } from './secrets';

const rest: JsonObject = {
  endpoint: 'https://example.com/',
  headers: { 'X-Api-Token': 'header-secret', 'X-Plain': 'plain' },
  auth: { type: 'oauth2', token_url: 'https://login.example.com/', client_id: 'c', client_secret: 'client' },
  signing_secret: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz',
};

const email: JsonObject = {
  host: 'mail.example.com',
  credentials: {
    username: 'u',
    oauth2: {
      token_url: 'https://login.example.com/',
      client_id: 'c',
      client_secret: 's',
      refresh_token: 'r',
    },
  },
};

const amqp = (connection: JsonObject): JsonObject => ({ connection, exchange: 'jobs' });
const broker = { host: 'a.example.com', credentials: { username: 'u', password: 'p' } };
const byUrl = { url: 'amqps://u:p@a.example.com/', tls: { cert: 'c', key: 'k' } };

const jdbc: JsonObject = {
  connection: { url: 'jdbc:postgresql://a/d', credentials: { username: 'u', password: 'p' } },
};

/** The stored configuration as it was shown, changed at one place, and sent back. */
function sentBack(stored: JsonObject, schema: JsonObject, path: string, value: JsonObject[string]) {
  const next = mask(stored, schema);
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const parent = steps.reduce((at, step) => at[step] as JsonObject, next);
  parent[last] = value;
  return restoreMasked(next, stored, schema);
}

describe('a masked secret that is sent back', () => {
  it.each([
    [rest, restSchema],
    [email, emailSchema],
    [amqp(broker), amqpSchema],
    [amqp(byUrl), amqpSchema],
    [jdbc, jdbcSchema],
  ])('is the stored one while nothing changes: %j', (stored, schema) => {
    expect(restoreMasked(mask(stored, schema), stored, schema)).toEqual({ ok: true, value: stored });
  });

  it.each<[JsonObject, JsonObject, string, JsonObject[string]]>([
    [rest, restSchema, 'method', 'PUT'],
    [rest, restSchema, 'auth.scopes', ['a']],
    [rest, restSchema, 'auth.client_secret', 'new'],
    [email, emailSchema, 'credentials.username', 'v'],
    [amqp(broker), amqpSchema, 'connection.vhost', 'v'],
    [amqp(broker), amqpSchema, 'exchange', 'others'],
    [jdbc, jdbcSchema, 'table', 't'],
  ])('is the stored one while the address stays: %j', (stored, schema, path, value) => {
    const restored = sentBack(stored, schema, path, value);
    expect(restored.ok).toBe(true);
    expect(JSON.stringify(restored)).not.toContain(MASK);
  });
});

const MOVED: [string, JsonObject, JsonObject, string, JsonObject[string], string[]][] = [
  ['beside it', rest, restSchema, 'auth.token_url', 'https://evil.test/', ['auth.client_secret']],
  [
    'above it',
    rest,
    restSchema,
    'endpoint',
    'https://evil.test/',
    ['headers.X-Api-Token', 'auth.client_secret', 'signing_secret'],
  ],
  [
    'beside it',
    email,
    emailSchema,
    'credentials.oauth2.token_url',
    'https://evil.test/',
    ['credentials.oauth2.client_secret', 'credentials.oauth2.refresh_token'],
  ],
  [
    'that came',
    email,
    emailSchema,
    'port',
    2525,
    ['credentials.oauth2.client_secret', 'credentials.oauth2.refresh_token'],
  ],
  [
    'in a part',
    amqp(broker),
    amqpSchema,
    'connection.host',
    'evil.test',
    ['connection.credentials.password'],
  ],
  ['that is secret', amqp(byUrl), amqpSchema, 'connection.url', 'amqps://evil.test', ['connection.tls.key']],
  [
    'in a part',
    jdbc,
    jdbcSchema,
    'connection.url',
    'jdbc:postgresql://evil.test/d',
    ['connection.credentials.password'],
  ],
];

describe('a masked secret whose address changed', () => {
  it.each(MOVED)('must be given again: an address %s, %#', (_where, stored, schema, path, value, fields) => {
    const restored = sentBack(stored, schema, path, value);
    const issue = `give the secret again: ${path} changed, and a stored secret does not go to another address`;
    const issues = fields.map((field) => ({ field: `configuration.${field}`, issue }));
    expect(restored).toEqual({ ok: false, issues });
  });

  it('goes nowhere when the address went, and new ones go where they are sent', () => {
    const next: JsonObject = {
      ...amqp({ hosts: ['evil.test'], credentials: { username: 'u', password: MASK } }),
    };
    expect(restoreMasked(next, amqp(broker), amqpSchema)).toMatchObject({ ok: false });
    const moved = { ...rest, endpoint: 'https://other.example.com/' };
    expect(restoreMasked(moved, rest, restSchema)).toEqual({ ok: true, value: moved });
  });

  it('with nothing stored behind it is left for parse to refuse', () => {
    const next = { ...rest, auth: { type: 'bearer', token: MASK } };
    const restored = restoreMasked(next, rest, restSchema);
    expect(restored).toEqual({ ok: true, value: next });
    expect(compileConfiguration(restSchema)(next)).toMatchObject({ ok: false });
  });
});
