import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Identity, makeCertificates } from '../conformance/certificates';
import { must, type Reply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { Issuer } from '../support/issuer';
import { securityFigure } from '../support/security-figures';
import { temporaryDirectory } from '../support/temporary-directory';
import { World } from '../support/world';

/**
 * Names whose owner changes what they lead to. `checked.test` leads to the address that is allowed when it is asked for
 * the first time, and inside ever after; `issuer.test` to this machine, on which the server behind it changes.
 */
const RESOLVER = `
  import dns from 'node:dns';
  const { lookup } = dns;
  const ask = dns.promises.lookup;
  let asked = 0;
  dns.promises.lookup = async (name, options) =>
    name === 'checked.test'
      ? [{ address: asked++ === 0 ? '127.0.0.1' : '169.254.169.254', family: 4 }]
      : ask(name, options);
  dns.lookup = (name, options, answer) => lookup(name === 'issuer.test' ? '127.0.0.1' : name, options, answer);`;

const ISSUER_NAME = 'issuer.test';

let folder: string;
let issuer: Issuer;
let keySet: KeySetServer;
let world: World;
let tenant: TestTenant;

/** Gives the issuer's keys over TLS, to whoever takes its certificate. */
class KeySetServer {
  asked = 0;
  private readonly server = createServer((_request, response) => {
    this.asked++;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: issuer.published }));
  });

  async start(identity: Identity): Promise<string> {
    this.become(identity);
    // Who does not like the certificate goes away.
    this.server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => void this.server.listen(0, '127.0.0.1', resolve));
    return `https://${ISSUER_NAME}:${(this.server.address() as AddressInfo).port}/jwks`;
  }

  /** Another server behind the same address. */
  become({ cert, key }: Identity): void {
    this.server.setSecureContext({ cert, key });
    this.server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }
}

const genuine = makeCertificates(ISSUER_NAME);

beforeAll(async () => {
  folder = await temporaryDirectory('rebinding');
  issuer = await Issuer.start();
  await issuer.addKey('first', 'ES256');
  keySet = new KeySetServer();
  const authority = join(folder, 'ca.pem');
  await writeFile(authority, genuine.ca);
  world = await World.create({
    DESTINATION_ALLOWED_NETWORKS: '127.0.0.1/32',
    DESTINATION_HEALTH_CHECK_INTERVAL: '60',
    JWT_JWKS_URL: await keySet.start(genuine.server),
    NODE_EXTRA_CA_CERTS: authority,
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(RESOLVER)}`,
  });
  tenant = await world.tenant('comune-lucca');
});

afterAll(async () => {
  await world.dispose();
  await keySet.stop();
  await issuer.stop();
  await rm(folder, { recursive: true, force: true });
});

const health = async (): Promise<Reply> =>
  must(await tenant.api.get('/api/v1/destinations/checked/health'), 200).body;

it('a scheduled check does not follow a name that leads inside since the last one', async () => {
  const endpoint = world.receiver.url.replace('127.0.0.1', 'checked.test');
  await tenant.api.register('checked', { endpoint });
  await eventually({ until: 'the first check', withinMs: 30_000 }, async () =>
    expect(await health()).toMatchObject({ health_status: 'healthy' }),
  );
  const last = await eventually({ until: 'the checks to be refused', withinMs: 30_000 }, async () => {
    // The time to the next check passes by the database's clock.
    await world.rows(
      `UPDATE destination_health_states SET due_at = now() WHERE due_at > now() + interval '1 second'`,
    );
    const seen = await health();
    expect(seen).toMatchObject({ health_status: 'unhealthy', error_code: 'NETWORK_FORBIDDEN' });
    return seen;
  });
  expect(JSON.stringify(last)).not.toContain('169.254');
  securityFigure('rebindings_refused', 1);
});

/** With what a token of the issuer is answered. */
async function asked(): Promise<number> {
  const exp = Math.floor(Date.now() / 1000) + 300;
  const token = await issuer.token('first', { sub: 'someone', tenant_id: tenant.id, exp });
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${world.service.url}/api/v1/auth/me`, { headers })).status;
}

it('an issuer’s name that leads to another server gives no keys, and that server is asked nothing', async () => {
  expect(await asked()).toBe(200);
  expect(keySet.asked).toBe(1);
  keySet.become(makeCertificates(ISSUER_NAME).server);
  // Nothing is in memory any more: the name is looked up again.
  await world.service.stop();
  await world.service.start();
  const said = world.service.nextLog(({ msg }) => msg.startsWith('the keys of JWT_JWKS_URL cannot be had'));
  expect(await asked()).toBe(401);
  await said;
  expect(keySet.asked).toBe(1);
  securityFigure('rebindings_refused', 1);
});
