import { createHmac } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type StatusReply, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { ok, refuse, verifySignatures } from '../support/receiver';
import { World } from '../support/world';

const SECRET = 'token-that-nobody-may-see-3f81';
const SIGNING = `whsec_${Buffer.from('the-secret-of-one-destination-00').toString('base64')}`;
const MASK = '********';

let world: World;
let tenant: TestTenant;

beforeAll(async () => {
  world = await World.create();
  tenant = await world.tenant('comune-trieste');
});

afterAll(async () => {
  try {
    expectBalanced(await accountsOf(world, tenant.id));
  } finally {
    await world.dispose();
  }
});

async function guarded(name: string): Promise<void> {
  await tenant.api.register(name, {
    endpoint: world.receiver.on(`/${name}`, ok),
    auth: { type: 'bearer', token: SECRET },
    signing_secret: SIGNING,
  });
}

async function settled(id: string): Promise<StatusReply> {
  return eventually({ until: `${id} to end` }, async () => {
    const { body } = must(await tenant.api.status(id), 200);
    expect(['completed', 'failed', 'cancelled']).toContain(body.status);
    return body;
  });
}

const soon = (): string => new Date(Date.now() + 700).toISOString();

describe('the secrets of a destination', () => {
  it('are shown to nobody and stored nowhere in plain text', async () => {
    await guarded('secretive');
    const path = '/api/v1/destinations';
    for (const url of [`${path}/list`, `${path}/secretive`, `${path}/secretive/versions`]) {
      const text = JSON.stringify(must(await tenant.api.get(url), 200).body);
      expect(text).toContain(MASK);
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(SIGNING);
    }
    await settled(await tenant.api.accepted({ destinations: ['secretive'] }));
    const inline = { name: 'own', protocol: 'REST', endpoint: `${world.receiver.url}/own` };
    await settled(
      await tenant.api.accepted({ destinations: [{ ...inline, auth: { type: 'bearer', token: SECRET } }] }),
    );
    expect(world.receiver.at('/own')[0]?.headers['authorization']).toBe(`Bearer ${SECRET}`);
    for (const table of [
      'destinations',
      'destination_configs',
      'audit_log',
      'distribution_jobs',
      'attempt_logs',
    ]) {
      expect(await world.count(`FROM ${table} t WHERE t::text LIKE '%' || $1 || '%'`, [SECRET])).toBe(0);
    }
    expect(JSON.stringify(world.service.logs)).not.toContain(SECRET);
  });

  it('reach its own receiver, and sign in place of the tenant’s', async () => {
    await guarded('signed');
    await settled(await tenant.api.accepted({ destinations: ['signed'] }));
    const [receipt] = world.receiver.at('/signed');
    if (receipt === undefined) throw new Error('not received');
    expect(receipt.headers['authorization']).toBe(`Bearer ${SECRET}`);
    verifySignatures(receipt, SIGNING);
    expect(() => verifySignatures(receipt, tenant.signingSecret)).toThrow();
  });

  it('stay what they are when their mask is sent back, and change when another is sent', async () => {
    await guarded('patched');
    const { body } = must(await tenant.api.get('/api/v1/destinations/patched'), 200);
    const configuration = body['configuration'] as { auth: { token: string } };
    expect(configuration.auth.token).toBe(MASK);
    const patch = { configuration: { ...configuration, timeout_seconds: 5 } };
    must(await tenant.api.patchDestination('patched', patch), 200);
    await settled(await tenant.api.accepted({ destinations: ['patched'] }));
    const auth = { type: 'bearer', token: 'another-token' };
    must(await tenant.api.patchDestination('patched', { configuration: { auth } }), 200);
    await settled(await tenant.api.accepted({ destinations: ['patched'] }));
    const sent = world.receiver.at('/patched').map(({ headers }) => headers['authorization']);
    expect(sent).toEqual([`Bearer ${SECRET}`, 'Bearer another-token']);
  });

  it('do not go to an address that an administrator chose who may not read them', async () => {
    await guarded('moved');
    const endpoint = world.receiver.on('/moved-away', ok);
    const refused = must(await tenant.api.patchDestination('moved', { configuration: { endpoint } }), 400);
    expect(JSON.stringify(refused.body)).toContain('give the secret again: endpoint changed');
    const auth = { type: 'bearer', token: 'given-again' };
    const configuration = { endpoint, auth, signing_secret: SIGNING };
    must(await tenant.api.patchDestination('moved', { configuration }), 200);
    await settled(await tenant.api.accepted({ destinations: ['moved'] }));
    expect(world.receiver.at('/moved-away')[0]?.headers['authorization']).toBe('Bearer given-again');
  });

  it('do not go to an address that the submitter chose', async () => {
    await guarded('overridden');
    const endpoint = world.receiver.on('/elsewhere', ok);
    const id = await tenant.api.accepted({ destinations: [{ name: 'overridden', endpoint }] });
    await settled(id);
    const [receipt] = world.receiver.at('/elsewhere');
    if (receipt === undefined) throw new Error('not received');
    expect(JSON.stringify(receipt.headers)).not.toContain(SECRET);
    verifySignatures(receipt, tenant.signingSecret);
    expect(() => verifySignatures(receipt, SIGNING)).toThrow();
    expect(world.receiver.at('/overridden')).toHaveLength(0);
  });

  it('go with a job that changes something else', async () => {
    await guarded('extended');
    const headers = { 'x-extra': 'of-this-job' };
    await settled(await tenant.api.accepted({ destinations: [{ name: 'extended', headers }] }));
    expect(world.receiver.at('/extended')[0]?.headers).toMatchObject({
      authorization: `Bearer ${SECRET}`,
      'x-extra': 'of-this-job',
    });
  });
});

describe('the state of a destination', () => {
  it('deleted: what waits for it ends, and new jobs do not know it', async () => {
    await tenant.api.register('short-lived', { endpoint: world.receiver.on('/short-lived', ok) });
    const options = { deliver_at: soon() };
    const id = await tenant.api.accepted({ destinations: ['short-lived'], options });
    must(await tenant.api.send('DELETE', '/api/v1/destinations/short-lived'), 204);
    expect(await settled(id)).toMatchObject({
      status: 'failed',
      error_code: 'DESTINATION_GONE',
      destinations: [{ attempts: 0, error_code: 'DESTINATION_GONE' }],
    });
    must(await tenant.api.get('/api/v1/destinations/short-lived'), 404);
    must(await tenant.api.submit({ destinations: ['short-lived'] }), 400);
    await tenant.api.register('short-lived', { endpoint: `${world.receiver.url}/short-lived` });
    await settled(await tenant.api.accepted({ destinations: ['short-lived'] }));
    expect(world.receiver.at('/short-lived')).toHaveLength(1);
  });

  it('inactive: a delivery ends without being sent', async () => {
    await tenant.api.register(
      'closed',
      { endpoint: world.receiver.on('/closed', ok) },
      { status: 'inactive' },
    );
    const status = await settled(await tenant.api.accepted({ destinations: ['closed'] }));
    expect(status).toMatchObject({ status: 'failed', error_code: 'DESTINATION_INACTIVE' });
    expect(world.receiver.at('/closed')).toHaveLength(0);
  });

  it('in maintenance: a delivery waits without spending an attempt, and flows when it ends', async () => {
    const endpoint = world.receiver.on('/repaired', ok);
    await tenant.api.register('repaired', { endpoint }, { status: 'maintenance' });
    await tenant.api.register('working', { endpoint: world.receiver.on('/working', ok) });
    const id = await tenant.api.accepted({ destinations: ['repaired'], options: { max_retries: 0 } });
    await settled(await tenant.api.accepted({ destinations: ['working'] }));
    const { body } = must(await tenant.api.status(id), 200);
    expect(body.destinations).toMatchObject([{ status: 'pending', attempts: 0 }]);
    expect(world.receiver.at('/repaired')).toHaveLength(0);
    must(await tenant.api.patchDestination('repaired', { status: 'active' }), 200);
    await settled(id);
    expect(world.receiver.at('/repaired').map(({ attempt }) => attempt)).toEqual([1]);
  });

  it('gone by its receiver’s own word (410): it is disabled, with the reason, and can be made active again', async () => {
    const registered = await tenant.api.register('gone', {
      endpoint: world.receiver.on('/gone', refuse(410)),
    });
    const first = await settled(await tenant.api.accepted({ destinations: ['gone'] }));
    expect(first).toMatchObject({ status: 'failed', error_code: 'RECEIVER_GONE' });
    const disabled = await eventually({ until: 'the destination to be disabled' }, async () => {
      const { body } = must(await tenant.api.get('/api/v1/destinations/gone'), 200);
      expect(body).toMatchObject({ status: 'inactive', version: 2 });
      return body;
    });
    expect(disabled['status_reason']).toMatch(/410/);
    const audit = await world.rows(
      `SELECT actor, details -> 'after' ->> 'status' AS status FROM audit_log
       WHERE action = 'disable' AND resource_id = $1 AND tenant_id = $2`,
      [registered['destination_id'], tenant.id],
    );
    expect(audit).toEqual([{ actor: 'worker', status: 'inactive' }]);
    const second = await settled(await tenant.api.accepted({ destinations: ['gone'] }));
    expect(second).toMatchObject({ error_code: 'DESTINATION_INACTIVE' });
    expect(world.receiver.at('/gone')).toHaveLength(1);

    world.receiver.on('/gone', ok);
    const { body } = must(await tenant.api.patchDestination('gone', { status: 'active' }), 200);
    expect(body).toMatchObject({ status: 'active', status_reason: null, version: 3 });
    expect(await settled(await tenant.api.accepted({ destinations: ['gone'] }))).toMatchObject({
      status: 'completed',
    });
  });

  it('is not changed by the receiver of an inline destination of its name', async () => {
    await tenant.api.register('kept', { endpoint: world.receiver.on('/kept', ok) });
    const endpoint = world.receiver.on('/impostor', refuse(410));
    await settled(await tenant.api.accepted({ destinations: [{ name: 'kept', endpoint }] }));
    expect(await settled(await tenant.api.accepted({ destinations: ['kept'] }))).toMatchObject({
      status: 'completed',
    });
    expect(must(await tenant.api.get('/api/v1/destinations/kept'), 200).body).toMatchObject({
      status: 'active',
      version: 1,
    });
  });
});

describe('what a job asks for its payload', () => {
  it('encryption: nothing of it is readable in the database, and the receiver reads it all', async () => {
    await tenant.api.register('reader', { endpoint: world.receiver.on('/reader', ok) });
    const payload = { iban: 'IT60-very-private-marker', nested: { deep: ['IT60-very-private-marker'] } };
    const options = { encryption_required: true, deliver_at: soon() };
    const id = await tenant.api.accepted({ destinations: ['reader'], payload, options });
    const tables = await world.rows<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm')`,
    );
    const expectSealed = async (): Promise<void> => {
      for (const { name } of tables) {
        expect({
          name,
          rows: await world.count(`FROM ${name} t WHERE t::text LIKE '%very-private%'`),
        }).toEqual({
          name,
          rows: 0,
        });
      }
    };
    await expectSealed();
    await settled(id);
    await expectSealed();
    expect(JSON.parse(world.receiver.at('/reader')[0]?.body.toString() ?? '')).toEqual(payload);
    expect(JSON.stringify(world.service.logs)).not.toContain('very-private');
  });

  it('compression: it comes gzipped, signed as it is on the wire', async () => {
    await tenant.api.register('zipped', { endpoint: world.receiver.on('/zipped', ok) });
    const payload = { text: 'x'.repeat(10_000) };
    const options = { compression: 'gzip' };
    await settled(await tenant.api.accepted({ destinations: ['zipped'], payload, options }));
    const [receipt] = world.receiver.at('/zipped');
    if (receipt === undefined) throw new Error('not received');
    const { headers, body } = receipt;
    expect(headers['content-encoding']).toBe('gzip');
    expect(body.length).toBeLessThan(1000);
    expect(JSON.parse(gunzipSync(body).toString())).toEqual(payload);
    const key = Buffer.from(tenant.signingSecret.replace('whsec_', ''), 'base64');
    const head = `${receipt.id}.${String(headers['webhook-timestamp'])}.`;
    const signature = createHmac('sha256', key).update(head).update(body).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(headers['x-zenia-signature']).toBe(
      `sha256=${createHmac('sha256', key).update(body).digest('hex')}`,
    );
  });
});
