import { type JsonObject } from '../../src/kernel/json';
import { must, type Answer, type TestTenant } from '../support/api';
import { INSIDE } from '../support/addresses-inside';
import { eventually } from '../support/eventually';
import { securityFigure } from '../support/security-figures';
import { World } from '../support/world';

/** A resolver that knows two names more: one is this machine, the other is outside and never connected to. */
const RESOLVER = `
  import dns from 'node:dns/promises';
  const { lookup } = dns;
  const known = { 'inside.test': '127.0.0.1', 'outside.test': '8.8.8.8' };
  dns.lookup = (name, options) =>
    name in known ? Promise.resolve([{ address: known[name], family: 4 }]) : lookup(name, options);`;
const INSIDE_NAME = 'inside.test';

let world: World;
let tenant: TestTenant;
let port: string;

beforeAll(async () => {
  // Nothing inside is allowed, as in production.
  world = await World.create({
    DESTINATION_ALLOWED_NETWORKS: '',
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(RESOLVER)}`,
  });
  tenant = await world.tenant('comune-parma');
  port = new URL(world.receiver.url).port;
});

afterAll(() => world.dispose());

const credentials = { username: 'u', password: 'p' };

/** Every protocol, and every other address that a configuration of it may name. */
function configurations(host: string): Record<string, [protocol: string, configuration: JsonObject]> {
  const url = `http://${host}:${port}/`;
  const outside = 'https://outside.test/';
  const token = { token_url: `${url}token`, client_id: 'c', client_secret: 's' };
  const mail = { from: 'a@example.org', to: 'b@example.org', subject: 'x' };
  return {
    REST: ['REST', { endpoint: url }],
    'the token server of REST': ['REST', { endpoint: outside, auth: { type: 'oauth2', ...token } }],
    'the proxy of REST': ['REST', { endpoint: outside, proxy: `http://${host}:${port}` }],
    AMQP: ['AMQP', { connection: { host, port: Number(port), credentials }, routing_key: 'q' }],
    'AMQP by URL': ['AMQP', { connection: { url: `amqp://u:p@${host}:${port}/x` }, routing_key: 'q' }],
    JDBC: ['JDBC', jdbc(`jdbc:postgresql://${host}:${port}/x`)],
    'JDBC to MySQL': ['JDBC', jdbc(`jdbc:mysql://${host}:${port}/x`)],
    'JDBC to SQL Server': ['JDBC', jdbc(`jdbc:sqlserver://${host}:${port};databaseName=x`)],
    'JDBC to Oracle': ['JDBC', jdbc(`jdbc:oracle:thin:@//${host}:${port}/x`)],
    S3: ['S3', { bucket: 'acts', endpoint: url, force_path_style: true, credentials: keys }],
    SFTP: ['SFTP', { host, port: Number(port), host_key: 'insecure-accept-any', credentials }],
    EMAIL: ['EMAIL', { host, port: Number(port), security: 'none', ...mail }],
  };
}

const keys = { access_key_id: 'AKIAEXAMPLE', secret_access_key: 's' };
const jdbc = (url: string): JsonObject => ({
  connection: { url, credentials },
  table: 't',
  mode: 'insert',
  columns: { a: 'a' },
});

const CASES = Object.keys(configurations(INSIDE_NAME));

const test = (of: string, host: string, more: JsonObject = {}): Promise<Answer> => {
  const [protocol, configuration] = configurations(host)[of] ?? ['', {}];
  return tenant.api.json('POST', '/api/v1/destinations/test', {
    name: 'tried',
    protocol,
    configuration,
    ...more,
  });
};

describe.each(CASES)('%s', (name) => {
  it.each([
    ['looking', {}],
    ['sending', { send: true, payload: { a: 1 } }],
  ])('does not reach a name inside by a test that is %s', async (_how, more) => {
    // A health check asks no token server.
    if (name.startsWith('the token server') && !('send' in more)) return;
    const { status, body } = await test(name, INSIDE_NAME, more);
    expect({ status, issue: JSON.stringify(body['details']) }).toEqual({
      status: 502,
      issue: expect.stringContaining('NETWORK_FORBIDDEN') as unknown,
    });
    expect(JSON.stringify(body)).not.toContain('127.0.0.1');
    expect(world.receiver.ledger).toEqual([]);
    securityFigure('inside_names_refused', 1);
  });

  it('is not tested with an address inside, in any spelling', async () => {
    const accepted: string[] = [];
    for (const host of INSIDE) {
      const { status, body } = await test(name, host);
      const fields = [body['details']].flat().map((detail) => (detail as { field: string }).field);
      if (status === 400 && fields.every((field) => field.startsWith('configuration.'))) {
        securityFigure('address_spellings_refused', 1);
      } else accepted.push(`${status} ${host} ${fields.join()}`);
    }
    expect(accepted).toEqual([]);
  });
});

it('a delivery and its callback do not reach a name inside', async () => {
  const url = `http://${INSIDE_NAME}:${port}`;
  await tenant.api.register('inside', { endpoint: `${url}/hook` });
  const id = await tenant.api.accepted({
    destinations: ['inside', { name: 'inline', protocol: 'REST', endpoint: `${url}/inline` }],
    callback_url: `${url}/callback`,
  });
  await eventually({ until: 'the callback to be given up', withinMs: 30_000 }, async () => {
    const { body } = await tenant.api.get<{ callbacks: { status: string; error_code?: string }[] }>(
      `/api/v1/distribution/${id}/callbacks`,
    );
    expect(body.callbacks).toMatchObject([{ status: 'failed' }]);
  });
  const { destinations } = must(await tenant.api.status(id), 200).body;
  expect(destinations.map(({ error_code }) => error_code)).toEqual([
    'NETWORK_FORBIDDEN',
    'NETWORK_FORBIDDEN',
  ]);
  expect(world.receiver.ledger).toEqual([]);
  securityFigure('inside_names_refused', 3);
});

it.each([
  ['a destination', (url: string) => ({ destinations: [{ name: 'x', protocol: 'REST', endpoint: url }] })],
  ['a callback', (url: string) => ({ callback_url: url })],
  ['a callback with headers', (url: string) => ({ callback: { url } })],
])('a submission does not name an address inside for %s, in any spelling', async (_what, more) => {
  for (const host of INSIDE) {
    const { status, body } = await tenant.api.submit(more(`https://${host}/x`));
    expect({ host, status, body }).toMatchObject({
      host,
      status: 400,
      body: { details: { field: expect.stringMatching(/^(destinations\[0\]|callback)/) as unknown } },
    });
    securityFigure('address_spellings_refused', 1);
  }
});
