import { type Answer, type Reply, type TestTenant } from '../support/api';
import { type Case, expectRefusal, good, options } from '../support/refusal';
import { World } from '../support/world';

const SUBMIT = '/api/v1/distribution/submit';
/** The path down to where it is too deep is shortened. */
const DEEP = `payload.a${'[0]'.repeat(40)}`.slice(0, 80) + '…';
const FORBIDDEN = /must not point to/;

let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  world = await World.create({ MAX_DESTINATIONS_PER_JOB: '3' });
  tenant = await world.tenant('comune-milano');
  await tenant.api.register('sink', { endpoint: `${world.receiver.url}/sink` });
});

afterAll(() => world.dispose());

const refused = (send: () => Promise<Answer<Reply>>, expected: Omit<Case, 'name' | 'body'>): Promise<void> =>
  expectRefusal(world, send, expected);
const inline = (more: object): object => good({ destinations: [{ name: 'own', protocol: 'REST', ...more }] });
const deep = (levels: number): string =>
  `{"data_type":"report","payload":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`;

const MALFORMED: Case[] = [
  { name: 'text that is not JSON', body: '{"data_type": report}', field: 'body', issue: /not valid JSON/ },
  { name: 'JSON that breaks off', body: '{"data_type":"report"', field: 'body', issue: /not valid JSON/ },
  { name: 'two documents', body: '{} {}', field: 'body', issue: /not valid JSON/ },
  { name: 'nothing but spaces', body: '   ', field: 'body', issue: /empty/ },
  { name: 'an array', body: [good()], field: 'body' },
  { name: 'a string', body: '"report"', field: 'body' },
  { name: 'null', body: 'null', field: 'body' },
  {
    name: 'invalid UTF-8',
    body: Buffer.from([...Buffer.from('{"data_type":"'), 0xc3, 0x28, ...Buffer.from('","payload":{}}')]),
    field: 'body',
    issue: /UTF-8/,
  },
  {
    name: 'UTF-16',
    body: Buffer.from('{"data_type":"report","payload":{}}', 'utf16le'),
    field: 'body',
  },
  { name: 'nesting of a hundred levels', body: deep(100), field: DEEP, issue: /nested deeper/ },
  {
    name: 'nesting of nine thousand levels',
    body: deep(9000),
    field: DEEP,
    issue: /nested deeper/,
  },
  {
    name: '__proto__',
    body: '{"data_type":"report","payload":{"__proto__":{"admin":true}}}',
    field: 'body',
    issue: /__proto__/,
  },
  {
    name: '__proto__ in escapes',
    body: '{"data_type":"report","payload":{"\\u005f_proto__":{"admin":true}}}',
    field: 'body',
    issue: /__proto__/,
  },
  {
    name: 'constructor.prototype',
    body: '{"data_type":"report","payload":{"constructor":{"prototype":{"admin":true}}}}',
    field: 'body',
    issue: /constructor/,
  },
  {
    name: 'NUL in a value',
    body: '{"data_type":"report","payload":{"a":{"b":["x\\u0000y"]}}}',
    field: 'payload.a.b[0]',
    issue: /NUL/,
  },
  {
    name: 'NUL in a key',
    body: '{"data_type":"report","payload":{"a\\u0000":1}}',
    field: 'payload',
    issue: /NUL/,
  },
  {
    name: 'half a surrogate pair',
    body: '{"data_type":"report","payload":{"a":"\\ud83d"}}',
    field: 'payload.a',
    issue: /surrogate/,
  },
];

const SHAPE: Case[] = [
  { name: 'an unknown field', body: good({ prioritty: 'high' }), field: 'prioritty', issue: /not a known/ },
  { name: 'an unknown option', body: options({ max_retry: 3 }), field: 'options.max_retry' },
  { name: 'no data_type', body: { payload: {} }, field: 'data_type', issue: /required/ },
  { name: 'no payload', body: { data_type: 'report' }, field: 'payload', issue: /JSON object/ },
  { name: 'a payload that is a list', body: good({ payload: [1] }), field: 'payload', issue: /JSON object/ },
  { name: 'a data_type that is a number', body: good({ data_type: 7 }), field: 'data_type', issue: /string/ },
  { name: 'a data_type of 51 characters', body: good({ data_type: 'x'.repeat(51) }), field: 'data_type' },
  { name: 'a control character in data_type', body: good({ data_type: 'a\nb' }), field: 'data_type' },
  { name: 'an unknown priority', body: good({ priority: 'urgent' }), field: 'priority' },
  { name: 'destinations that are a name', body: good({ destinations: 'sink' }), field: 'destinations' },
  { name: 'a destination that is a number', body: good({ destinations: [7] }), field: 'destinations[0]' },
  {
    name: 'an id of 101 characters',
    body: good({ distribution_id: 'x'.repeat(101) }),
    field: 'distribution_id',
  },
  { name: 'an empty id', body: good({ distribution_id: '' }), field: 'distribution_id' },
  { name: 'metadata that is text', body: good({ metadata: 'x' }), field: 'metadata' },
  { name: 'a negative max_retries', body: options({ max_retries: -1 }), field: 'options.max_retries' },
  { name: 'max_retries beyond the limit', body: options({ max_retries: 21 }), field: 'options.max_retries' },
  { name: 'a fraction of a retry', body: options({ max_retries: 1.5 }), field: 'options.max_retries' },
  {
    name: 'a timeout beyond the limit',
    body: options({ timeout_seconds: 1801 }),
    field: 'options.timeout_seconds',
  },
  { name: 'an unknown compression', body: options({ compression: 'zip' }), field: 'options.compression' },
  {
    name: 'an empty idempotency key',
    body: options({ idempotency_key: '' }),
    field: 'options.idempotency_key',
  },
  {
    name: 'an unknown callback event',
    body: options({ callback_events: ['x'] }),
    field: 'options.callback_events[0]',
  },
  {
    name: 'an idempotency key in the header of 101 characters',
    body: good(),
    headers: { 'idempotency-key': 'x'.repeat(101) },
    field: 'Idempotency-Key',
  },
  {
    name: 'an empty key in the header',
    body: good(),
    headers: { 'idempotency-key': '' },
    field: 'Idempotency-Key',
  },
  {
    name: 'a control character in the key in the header',
    body: good(),
    headers: { 'idempotency-key': 'a\tb' },
    field: 'Idempotency-Key',
  },
];

const TIMES: Case[] = [
  {
    name: 'an expires_at that is over',
    body: options({ expires_at: '2020-01-01T00:00:00Z' }),
    field: 'options.expires_at',
    issue: /past/,
  },
  {
    name: 'an expires_at that is no time',
    body: options({ expires_at: 'soon' }),
    field: 'options.expires_at',
  },
  {
    name: 'a day that does not exist',
    body: options({ expires_at: '2099-02-30T00:00:00Z' }),
    field: 'options.expires_at',
  },
  {
    name: 'a time without a zone',
    body: options({ deliver_at: '2099-01-01T00:00:00' }),
    field: 'options.deliver_at',
  },
  {
    name: 'an expiry before the delivery',
    body: options({ expires_at: '2098-01-01T00:00:00Z', deliver_at: '2099-01-01T00:00:00Z' }),
    field: 'options.expires_at',
  },
  { name: 'a ttl of nothing', body: options({ ttl_seconds: 0 }), field: 'options.ttl_seconds' },
  {
    name: 'two expiries',
    body: options({ ttl_seconds: 60, expires_at: '2099-01-01T00:00:00Z' }),
    field: 'options.ttl_seconds',
  },
];

const DESTINATIONS: Case[] = [
  {
    name: 'an unknown name',
    body: good({ destinations: ['sink', 'nowhere'] }),
    field: 'destinations[1]',
    issue: /no destination is registered as "nowhere"/,
  },
  { name: 'a name with a space', body: good({ destinations: ['my sink'] }), field: 'destinations[0]' },
  {
    name: 'one destination twice',
    body: good({ destinations: ['sink', 'sink'] }),
    field: 'destinations[1]',
    issue: /twice/,
  },
  {
    name: 'more destinations than allowed',
    body: good({
      destinations: ['a', 'b', 'c', 'd'].map((name) => ({
        name,
        protocol: 'REST',
        endpoint: 'https://example.com/',
      })),
    }),
    field: 'destinations',
    issue: /at most 3/,
  },
  {
    name: 'an inline one without a name',
    body: good({ destinations: [{ protocol: 'REST' }] }),
    field: 'destinations[0].name',
  },
  {
    name: 'an unknown protocol',
    body: inline({ protocol: 'FTP' }),
    field: 'destinations[0].protocol',
    issue: /REST/,
  },
  {
    name: 'an inline one without an address',
    body: inline({}),
    field: 'destinations[0].endpoint',
    issue: /required/,
  },
  {
    name: 'an unknown inline field',
    body: inline({ endpoint: 'https://example.com/', retries: 3 }),
    field: 'destinations[0].retries',
  },
  {
    name: 'a line break in a header',
    body: inline({ endpoint: 'https://example.com/', headers: { 'x-a': 'b\r\nx-tenant-id: other' } }),
    field: 'destinations[0].headers.x-a',
  },
  {
    name: 'a reserved header',
    body: inline({ endpoint: 'https://example.com/', headers: { 'X-Tenant-ID': 'other' } }),
    field: 'destinations[0].headers.X-Tenant-ID',
  },
];

const ADDRESSES: [string, RegExp][] = [
  ['http://10.0.0.1/', FORBIDDEN],
  ['http://192.168.1.1:8080/x', FORBIDDEN],
  ['http://172.31.255.255/', FORBIDDEN],
  ['http://169.254.169.254/latest/meta-data/', FORBIDDEN],
  ['http://[::1]/', FORBIDDEN],
  ['http://[::ffff:10.0.0.1]/', FORBIDDEN],
  ['http://[fd00::1]/', FORBIDDEN],
  ['http://[fe80::1]/', FORBIDDEN],
  ['http://0x0a000001/', FORBIDDEN],
  ['http://167772161/', FORBIDDEN],
  ['http://012.0.0.1/', FORBIDDEN],
  ['http://10.1/', FORBIDDEN],
  ['http://0.0.0.0/', FORBIDDEN],
  ['http://１０.0.0.1/', FORBIDDEN],
  ['ftp://example.com/', /must begin with http/],
  ['file:///etc/passwd', /must begin with http/],
  ['javascript:alert(1)', /must begin with http/],
  ['http://user:secret@example.com/', /user name or password/],
  ['http://', /not a valid URL/],
  ['not a url', /blanks/],
  ['http://exa mple.com/', /blanks/],
  ['example.com/path', /valid URL|must begin with/],
  ['http://example.com:99999/', /not a valid URL/],
];

const asBytes = (body: Case['body']): string | Uint8Array =>
  typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);

function table(title: string, cases: Case[]): void {
  describe(title, () => {
    it.each(cases)('$name', async ({ body, headers = {}, ...expected }) => {
      const all = { 'content-type': 'application/json', ...headers };
      await refused(() => tenant.api.send('POST', SUBMIT, asBytes(body), all), expected);
    });
  });
}

table('a submission that cannot be read is refused:', MALFORMED);
table('a submission of the wrong shape is refused:', SHAPE);
table('times that cannot be kept are refused:', TIMES);
table('destinations that cannot be delivered to are refused:', DESTINATIONS);

describe('an address that deliveries must not go to is refused', () => {
  it.each(ADDRESSES)('%s', async (url, issue) => {
    const json = { 'content-type': 'application/json' };
    const send = (body: object) => () => tenant.api.send('POST', SUBMIT, JSON.stringify(body), json);
    await refused(send(inline({ endpoint: url })), { field: 'destinations[0].endpoint', issue });
    await refused(send(good({ callback_url: url })), { field: 'callback_url', issue });
    await refused(send(options({ callback_url: url })), { field: 'options.callback_url', issue });
    const register = { name: 'bad', protocol: 'REST', configuration: { endpoint: url } };
    await refused(() => tenant.api.json('POST', '/api/v1/destinations/register', register), {
      field: 'configuration.endpoint',
      issue,
    });
    expect(await world.count(`FROM destinations WHERE name = 'bad'`)).toBe(0);
  });
});
