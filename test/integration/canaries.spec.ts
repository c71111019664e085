import { randomBytes } from 'node:crypto';
import { type JsonObject } from '../../src/kernel/json';
import { Api, must, type TestTenant } from '../support/api';
import { Canaries, searchTables } from '../support/canaries';
import { eventually } from '../support/eventually';
import { Person } from '../support/person';
import { parametersOf, pathWith, publishedOperations } from '../support/published';
import { type Behaviour } from '../support/receiver';
import { securityFigure } from '../support/security-figures';
import { World } from '../support/world';

const canaries = new Canaries();
const ONCE = { max_attempts: 1 };

/** To whoever administers the tenant, payloads as they were submitted. */
const EXPORT = /^GET \/api\/v1\/tenants\/\{id\}\/export$/;
/** Payloads that nobody asked to encrypt are kept as they came, and shown to whoever may submit. */
const PAYLOAD = [/^distribution_jobs\.payload$/, /dead-letters\/\{dead_letter_id\}$/, EXPORT];
/** Addresses are configuration: whoever may read it sees them, and so does the audit log of its changes. */
const ADDRESS = [
  /^destinations\.configuration$/,
  /^destination_configs\.configuration$/,
  /^audit_log\.details$/,
  /^GET \/api\/v1\/(destinations\/|audit-log$)/,
  /^(POST|PATCH) \/api\/v1\/destinations\//,
  EXPORT,
];
const CALLBACK_ADDRESS = [/^distribution_jobs\.callback(_url)?$/, /^distribution_callbacks\.callback_url$/];

const jwtSecret = canaries.watch('JWT_SECRET_KEY', randomBytes(32).toString('base64'));
const rootPassword = canaries.plant('BOOTSTRAP_ADMIN_PASSWORD');
const metricsToken = canaries.plant('METRICS_TOKEN');
const secret = {
  bearer: canaries.plant('REST bearer token'),
  header: canaries.plant('REST header'),
  apiKey: canaries.plant('REST API key'),
  basic: canaries.plant('REST basic password'),
  oauth: canaries.plant('REST OAuth client secret'),
  proxy: canaries.plant('REST proxy password'),
  amqp: canaries.plant('AMQP password'),
  amqpUrl: canaries.plant('AMQP password in the URL'),
  jdbc: canaries.plant('JDBC password'),
  s3: canaries.plant('S3 secret access key'),
  s3Session: canaries.plant('S3 session token'),
  sftp: canaries.plant('SFTP password'),
  email: canaries.plant('SMTP password'),
  emailClient: canaries.plant('SMTP client secret'),
  emailRefresh: canaries.plant('SMTP refresh token'),
  inline: canaries.plant('inline bearer token'),
  callback: canaries.plant('callback header'),
  query: canaries.plant('query of an endpoint', ...ADDRESS),
  callbackQuery: canaries.plant('query of a callback_url', ...CALLBACK_ADDRESS),
  userinfo: canaries.plant('user information of an endpoint'),
  password: canaries.plant('password of a user'),
  newPassword: canaries.plant('new password of a user'),
  wrongPassword: canaries.plant('wrong password of a sign-in'),
  tested: canaries.plant('token of a destination that is only tested'),
  sensitive: canaries.plant('x-sensitive field', ...PAYLOAD),
  sealed: canaries.plant('field of an encrypted payload', EXPORT),
};

let world: World;
let tenant: TestTenant;
let platform: Api;

beforeAll(async () => {
  world = await World.create({
    LOG_LEVEL: 'debug',
    JWT_SECRET_KEY: jwtSecret,
    BOOTSTRAP_ADMIN_USER: 'root',
    BOOTSTRAP_ADMIN_PASSWORD: rootPassword,
    METRICS_TOKEN: metricsToken,
    DESTINATION_HEALTH_CHECK_INTERVAL: '60',
  });
  platform = new Api(world.service.url, world.service.adminKey);
  canaries.watch('BOOTSTRAP_ADMIN_KEY', world.service.adminKey);
  tenant = await world.tenant('comune-modena');
  canaries.watch('API key of a tenant', tenant.api.key);
  canaries.watch('signing secret', tenant.signingSecret.replace('whsec_', ''));
  await world.rows('CREATE SCHEMA receiver; CREATE TABLE receiver.amounts (amount integer, delivery text)');
});

afterAll(async () => {
  await world.dispose();
  securityFigure('canaries_planted', canaries.count);
  securityFigure('texts_searched_for_canaries', canaries.searched);
  securityFigure('canaries_found', canaries.found.size);
});

/** Says back all that it was sent, as an error page in debug mode does. */
const echo =
  (status: number): Behaviour =>
  ({ headers, body, path }) => ({
    status,
    body: JSON.stringify({ path, headers, body: body.toString('utf8') }),
  });

/** Every answer is searched, whatever it was; only the one that hands a secret out is not. */
async function call(method: string, path: string, body?: object, as: Api = tenant.api): Promise<JsonObject> {
  const answer = await (body === undefined ? as.send(method, path) : as.json(method, path, body));
  canaries.search(`${method} ${path}`, JSON.stringify([answer.body, [...answer.headers]]));
  return { ...answer.body, $status: answer.status };
}

/** The configurations of all six protocols; none but the echoing ones leads anywhere. */
function configurations(): Record<string, [protocol: string, configuration: JsonObject]> {
  const rest = (name: string, more: JsonObject): [string, JsonObject] => [
    'REST',
    { endpoint: world.receiver.on(`/${name}?token=${secret.query}`, echo(500)), ...more },
  ];
  const token_url = world.receiver.on('/token', echo(400));
  const database = new URL(world.database.url);
  return {
    bearer: rest('bearer', {
      auth: { type: 'bearer', token: secret.bearer },
      headers: { 'X-Secret': secret.header },
    }),
    'api-key': rest('api-key', { auth: { type: 'api_key', value: secret.apiKey } }),
    basic: rest('basic', { auth: { type: 'basic', username: 'u', password: secret.basic } }),
    oauth: rest('oauth', {
      auth: { type: 'oauth2', token_url, client_id: 'c', client_secret: secret.oauth },
    }),
    proxied: rest('proxied', {
      proxy: world.receiver.url,
      proxy_credentials: { username: 'u', password: secret.proxy },
    }),
    amqp: [
      'AMQP',
      {
        connection: { host: '127.0.0.1', credentials: { username: 'nobody', password: secret.amqp } },
        routing_key: 'q',
      },
    ],
    'amqp-url': [
      'AMQP',
      { connection: { url: `amqp://nobody:${secret.amqpUrl}@127.0.0.1:5672/x` }, routing_key: 'q' },
    ],
    jdbc: [
      'JDBC',
      {
        connection: {
          url: `jdbc:postgresql://${database.host}${database.pathname}`,
          driver: 'org.postgresql.Driver',
          credentials: { username: database.username, password: secret.jdbc },
        },
        table: 'receiver.amounts',
        mode: 'insert',
        columns: { amount: 'mail' },
        delivery_id_column: 'delivery',
      },
    ],
    s3: [
      'S3',
      {
        bucket: 'acts',
        endpoint: world.receiver.url,
        force_path_style: true,
        credentials: {
          access_key_id: 'AKIAEXAMPLE',
          secret_access_key: secret.s3,
          session_token: secret.s3Session,
        },
      },
    ],
    sftp: [
      'SFTP',
      {
        host: '127.0.0.1',
        port: 1,
        host_key: 'insecure-accept-any',
        credentials: { username: 'u', password: secret.sftp },
      },
    ],
    email: [
      'EMAIL',
      {
        host: '127.0.0.1',
        port: 1,
        security: 'none',
        credentials: { username: 'u', password: secret.email },
        from: 'a@example.org',
        to: 'b@example.org',
        subject: 'x',
      },
    ],
    'email-oauth': [
      'EMAIL',
      {
        host: '127.0.0.1',
        port: 1,
        credentials: {
          username: 'u',
          oauth2: {
            token_url,
            client_id: 'c',
            client_secret: secret.emailClient,
            refresh_token: secret.emailRefresh,
          },
        },
        from: 'a@example.org',
        to: 'b@example.org',
        subject: 'x',
      },
    ],
  };
}

async function configure(): Promise<string[]> {
  const all = configurations();
  for (const [name, [protocol, configuration]] of Object.entries(all)) {
    const body = { name, protocol, configuration: { ...configuration, retry_policy: ONCE } };
    const made = await call('POST', '/api/v1/destinations/register', body);
    if (made['$status'] !== 201) throw new Error(`${name}: ${JSON.stringify(made)}`);
    await call('PATCH', `/api/v1/destinations/${name}`, { description: 'changed' });
    await call('POST', `/api/v1/destinations/${name}/test`, {});
  }
  const schema_definition = { type: 'object', properties: { mail: { type: 'string', 'x-sensitive': true } } };
  await call('POST', '/api/v1/data-types', { id: 'person', name: 'person', schema_definition });
  const strict = { type: 'object', properties: { mail: { type: 'string', maxLength: 3, pattern: '^a$' } } };
  await call('POST', '/api/v1/data-types', { id: 'strict', name: 'strict', schema_definition: strict });
  const transform = { name: 'failing', engine: 'jsonata', spec: '$error("mail is " & mail)' };
  await call('POST', '/api/v1/transforms', transform);
  const rule = {
    name: 'routed',
    rule_type: 'routing',
    actions: { destinations: ['bearer'] },
    enabled: false,
  };
  await call('POST', '/api/v1/rules', rule);
  const subject = { path: 'payload.mail', value: secret.sensitive };
  await call('POST', `/api/v1/tenants/${tenant.id}/erase`, { subject, dry_run: true });
  const bad = {
    name: 'bad',
    protocol: 'REST',
    configuration: { endpoint: `http://u:${secret.userinfo}@x/` },
  };
  await call('POST', '/api/v1/destinations/register', bad);
  const tried = {
    name: 'tried',
    protocol: 'REST',
    configuration: {
      endpoint: world.receiver.on('/tried', echo(500)),
      auth: { type: 'bearer', token: secret.tested },
    },
  };
  await call('POST', '/api/v1/destinations/test', tried);
  return Object.keys(all);
}

async function settled(id: string): Promise<void> {
  await eventually({ until: `${id} to end`, withinMs: 30_000 }, async () => {
    expect((await tenant.api.status(id)).body.status).toBe('failed');
  });
}

async function submitAll(destinations: string[]): Promise<string[]> {
  const callback = {
    url: world.receiver.on(`/callback?token=${secret.callbackQuery}`, echo(400)),
    headers: { Authorization: `Bearer ${secret.callback}` },
  };
  const inline = {
    name: 'inline',
    protocol: 'REST',
    endpoint: world.receiver.on('/inline', echo(422)),
    auth: { type: 'bearer', token: secret.inline },
  };
  const transformed = { ...inline, name: 'transformed', transform: 'failing' };
  const job = { data_type: 'person', destinations: [...destinations, inline, transformed], callback };
  const options = { max_retries: 0, encryption_required: true };
  const mail = secret.sealed;
  const plain = { payload: { mail: secret.sensitive }, options: { max_retries: 0 } };
  const sealed = await tenant.api.accepted({ ...job, payload: { mail }, options });
  return [sealed, ...must(await tenant.api.bulk([{ ...job, ...plain }]), 202).body.distribution_ids];
}

async function people(): Promise<void> {
  const user = { username: 'anna', email: 'anna@example.org', password: secret.password, role: 'viewer' };
  await call('POST', '/api/v1/users', user);
  const anna = new Person(world.service.url, tenant.id, 'anna');
  await anna.signIn(secret.wrongPassword);
  must(await anna.signIn(secret.password), 200);
  canaries.watch('access token', anna.accessToken);
  canaries.watch('refresh token', anna.cookie.split('=')[1] ?? '');
  must(await anna.refresh(), 200);
  canaries.watch('rotated refresh token', anna.cookie.split('=')[1] ?? '');
  must(await anna.changePassword(secret.password, secret.newPassword), 200);
  const key = await tenant.api.createKey('another', ['distribution:read']);
  canaries.watch('created API key', String(key['key']));
  const rotated = must(await tenant.api.json('POST', '/api/v1/signing-secrets/rotate', {}), 201);
  canaries.watch('rotated signing secret', String(rotated.body['secret']).replace('whsec_', ''));
  for (const forged of [secret.tested, `zk_${secret.tested}`]) {
    await call('GET', '/api/v1/auth/me', undefined, new Api(world.service.url, forged));
  }
}

/** Bodies that are refused, each for another reason; the words must not repeat what was sent. */
async function refused(): Promise<void> {
  const submit = '/api/v1/distribution/submit';
  const mail = secret.sealed;
  await call('POST', submit, { data_type: 'strict', payload: { mail } });
  await call('POST', submit, { data_type: 'person', payload: { mail }, options: { unknown: mail } });
  await call('POST', submit, { data_type: 'person', payload: mail });
  await call('POST', submit, { data_type: 'person', payload: { mail }, callback_url: `http://u:${mail}@x/` });
  await call('POST', '/api/v1/rules/match', { data_type: 'person', payload: { mail } });
  await call('POST', '/api/v1/rules/explain', { data_type: 'person', payload: { mail } });
  const configuration = { endpoint: 'https://x/', auth: { type: 'bearer', token: [secret.tested] } };
  const destination = { name: 'x', protocol: 'REST', configuration };
  await call('POST', '/api/v1/destinations/register', destination);
}

/** By parameter of a path: what it may stand for. */
const IDS = `
  SELECT 'distribution/{distribution_id}' AS parameter, distribution_id AS value FROM distribution_jobs
  UNION ALL SELECT 'batch/{batch_id}', id::text FROM distribution_batches
  UNION ALL SELECT 'destinations/{destination}', id::text FROM destinations
  UNION ALL SELECT 'dead-letters/{dead_letter_id}', id::text FROM dead_letters
  UNION ALL SELECT 'users/{id}', id::text FROM users
  UNION ALL SELECT 'rules/{id}', id::text FROM distribution_rules
  UNION ALL SELECT 'data-types/{id}', id FROM data_types WHERE tenant_id IS NOT NULL
  UNION ALL SELECT 'tenants/{id}', id FROM tenants
  UNION ALL SELECT 'erasures/{erasure_id}', id::text FROM erasures
  UNION ALL SELECT 'transforms/{transform}', name FROM transforms
  UNION ALL SELECT 'bulk-operations/{operation_id}', id::text FROM bulk_operations`;

/** Every path of the OpenAPI that can be read, with every id that there is; pathWith throws where there is none. */
async function readablePaths(): Promise<{ path: string; urls: string[] }[]> {
  const ids = await world.rows<{ parameter: string; value: string }>(IDS);
  const operations = await publishedOperations(world.service.url);
  return operations
    .filter(({ method }) => method === 'GET')
    .map(({ path }) => {
      const values = Object.fromEntries(ids.map(({ parameter, value }) => [parameter, value]));
      const last = parametersOf(path).at(-1);
      const all = ids.filter(({ parameter }) => parameter === last);
      const urls = all.map(({ parameter, value }) => pathWith(path, { ...values, [parameter]: value }));
      return { path, urls: urls.length === 0 ? [pathWith(path, values)] : urls };
    });
}

async function readEverything(): Promise<void> {
  const own = new Api(world.service.url, world.service.adminKey, { 'x-tenant-id': tenant.id });
  for (const { path, urls } of await readablePaths()) {
    for (const url of urls) {
      for (const api of [tenant.api, own, platform]) {
        const answer = await api.get(url);
        canaries.search(`GET ${path}`, JSON.stringify(answer.body));
      }
    }
  }
  const metrics = await fetch(`${world.service.url}/metrics`, {
    headers: { authorization: `Bearer ${metricsToken}` },
  });
  expect(metrics.status).toBe(200);
  canaries.search('GET /metrics', await metrics.text());
}

it('no planted secret turns up in an answer, a log line, a metric, the audit log or a table', async () => {
  const destinations = await configure();
  await people();
  await refused();
  const jobs = await submitAll(destinations);
  await Promise.all(jobs.map(settled));
  await world.receiver.received(2, `/callback?token=${secret.callbackQuery}`);
  const [encrypted = ''] = jobs;
  await call('POST', `/api/v1/distribution/${encrypted}/replay`, {});
  await settled(encrypted);
  await call('POST', '/api/v1/dead-letters/redrive', { filter: { destination: 'bearer' } });
  await call('POST', `/api/v1/distribution/${encrypted}/callbacks/replay`, {});
  await settled(encrypted);
  await readEverything();
  expect(await searchTables((sql) => world.rows(sql), canaries)).toBeGreaterThan(25);
  for (const line of world.service.logs) canaries.search(`log: ${line.msg}`, JSON.stringify(line));
  canaries.search('standard error', world.service.stderr);
  expect(world.service.logs.some(({ level }) => level === 20)).toBe(true);
  expect([...canaries.found].sort()).toEqual([]);
});

it('finds what is stored in plain', async () => {
  const planted = new Canaries();
  const value = planted.plant('a note');
  planted.search('text', JSON.stringify({ note: `x${value}y` }));
  planted.search('bytes', `\\x00${Buffer.from(value).toString('hex')}`);
  for (const before of ['', 'a', 'ab'])
    planted.search(`base64 ${before}`, Buffer.from(`${before}${value}!`).toString('base64'));
  expect(planted.found.size).toBe(5);
});
