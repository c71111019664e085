import { type TenantId } from '../../src/kernel/ids';
import { type JsonObject } from '../../src/kernel/json';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Adapter, type Outcome, type Sender } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { delivery, lenientGuard, strictGuard } from './harness';
import { answerError, S3Harness } from './s3-harness';
import { stsError, StsServer } from './sts-server';

const harness = new S3Harness();
const opened: Sender[] = [];
const ROLE = 'arn:aws:iam::123456789012:role/archive';
const TENANT = 'comune-roma' as TenantId;
let sts: StsServer;

interface Around {
  guard?: NetworkGuard;
  tenant?: TenantId | undefined;
  lentTo?: string[];
}

function adapterFor({ guard = lenientGuard(), lentTo = [] }: Around): Adapter {
  const adapter = createAdapters({ guard, version: '1', serviceIdentityFor: lentTo }).get('S3');
  if (adapter === undefined) throw new Error('S3 is not registered');
  return adapter;
}

function open(configuration: JsonObject, around: Around = {}): Sender {
  const adapter = adapterFor(around);
  const parsed = adapter.parse(configuration);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const sender = adapter.open(parsed.value, 'tenant' in around ? around.tenant : TENANT);
  opened.push(sender);
  return sender;
}

const patient = (): AbortSignal => AbortSignal.timeout(20_000);

const send = (configuration: JsonObject, around: Around = {}): Promise<Outcome> =>
  open(configuration, around).deliver(delivery(), patient());

/** The plain way without keys, with further fields. */
function keyless(more: JsonObject): JsonObject {
  const configuration: JsonObject = { ...harness.plainly(), ...more };
  if (!('credentials' in more)) delete configuration['credentials'];
  return configuration;
}

/** A role that the user assumes with keys of its own. */
const assuming = (role: JsonObject = {}, credentials: JsonObject = {}): JsonObject =>
  keyless({
    credentials: { access_key_id: 'USER', secret_access_key: 'user-secret-3391', ...credentials },
    assume_role: { role_arn: ROLE, endpoint: `http://127.0.0.1:${sts.port}`, ...role },
  });

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(async () => {
  sts = await StsServer.start();
  sts.known.set('USER', 'user-secret-3391');
  harness.behave('accept');
  await harness.arrivals();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sender) => sender.close()));
  await sts.stop();
});

describe('S3: a role that is assumed', () => {
  it('signs with its temporary keys, which are asked for once for all deliveries', async () => {
    const role = { external_id: 'archive/7', session_name: 'ordinances', duration_seconds: 900 };
    const sender = open(assuming(role));
    const outcomes = await Promise.all([1, 2, 3].map(() => sender.deliver(delivery(), patient())));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'delivered', 'delivered']);
    expect(await sender.checkHealth(patient())).toMatchObject({ status: 'healthy' });
    expect(sts.asked.map(({ form, accessKeyId }) => ({ form, accessKeyId }))).toEqual([
      {
        accessKeyId: 'USER',
        form: {
          Action: 'AssumeRole',
          Version: '2011-06-15',
          RoleArn: ROLE,
          RoleSessionName: 'ordinances',
          DurationSeconds: '900',
          ExternalId: 'archive/7',
        },
      },
    ]);
    expect(harness.seen.map(({ headers }) => headers['x-amz-security-token'])).toEqual(
      Array.from({ length: 4 }, () => 'role-session-token-8812'),
    );
  });

  it('is renewed before its keys end', async () => {
    sts.lifeSeconds = 200;
    const sender = open(assuming());
    await sender.deliver(delivery(), patient());
    await sender.deliver(delivery(), patient());
    expect(sts.asked.length).toBeGreaterThanOrEqual(2);
  });

  it('may be assumed by temporary keys', async () => {
    await send(assuming({}, { session_token: 'first-session-token' }));
    expect(sts.asked).toMatchObject([{ sessionToken: 'first-session-token' }]);
  });

  it.each([
    ['AccessDenied', 403, 'refused', 'AUTHENTICATION_FAILED'],
    ['Throttling', 400, 'retry', 'RATE_LIMITED'],
    ['ServiceUnavailable', 503, 'retry', 'RECEIVER_UNAVAILABLE'],
  ])('%s (%i) is %s %s', async (name, status, kind, code) => {
    sts.answerBy = (response) => stsError(response, status, name);
    const outcome = await send(assuming());
    expect(outcome).toMatchObject({ kind, code, bytesSent: 0 });
    expect(outcome.kind === 'delivered' ? '' : outcome.message).toContain(`STS answered ${name}`);
    expect(harness.seen).toEqual([]);
  });

  it('cannot be assumed with a wrong secret, and no secret is shown', async () => {
    const outcome = await send(assuming({}, { secret_access_key: 'wrong-secret-77' }));
    expect(outcome).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
    expect(JSON.stringify(outcome)).not.toContain('wrong-secret-77');
    harness.answerBy((request, response) => answerError(request, response, 403, 'AccessDenied'));
    const echoed = await send(assuming());
    expect(JSON.stringify(echoed)).toContain('[secret]');
    expect(JSON.stringify(echoed)).not.toContain('role-session-token-8812');
  });

  it('is asked for through the guard, and within the time of the attempt', async () => {
    const guard = new NetworkGuard(['127.0.0.1/32'], async (name) => [
      { address: name === 'sts.test' ? '169.254.169.254' : '127.0.0.1', family: 4 },
    ]);
    const forbidden = await send(assuming({ endpoint: 'http://sts.test' }), { guard });
    expect(forbidden).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN' });
    sts.answerBy = () => undefined;
    const late = await open(assuming()).deliver(delivery(), AbortSignal.timeout(100));
    expect(late).toMatchObject({ kind: 'retry', code: 'TIMEOUT', bytesSent: 0 });
  });
});

describe("S3: the service's own identity", () => {
  const NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE'];
  const before = NAMES.map((name) => [name, process.env[name]] as const);

  beforeAll(() => {
    process.env['AWS_ACCESS_KEY_ID'] = 'S3RVER';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
    delete process.env['AWS_PROFILE'];
  });
  afterAll(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const own = (more: JsonObject = {}): JsonObject => keyless({ service_identity: true, ...more });

  it.each([[['comune-roma']], [['*']]])('signs for a tenant on the list %j', async (lentTo) => {
    expect(await send(own(), { lentTo })).toMatchObject({ kind: 'delivered' });
  });

  it('is lent to nobody else', async () => {
    const refused = { kind: 'refused', code: 'CONFIGURATION_INVALID', bytesSent: 0 };
    for (const around of [{}, { lentTo: ['comune-milano'] }, { lentTo: ['*'], tenant: undefined }]) {
      const outcome = await send(own(), around);
      expect(outcome).toMatchObject(refused);
      expect(outcome.kind === 'delivered' ? '' : outcome.message).toContain(
        'DESTINATION_AWS_IDENTITY_TENANTS',
      );
    }
    expect(harness.seen).toEqual([]);
  });

  it('is not taken by a destination that does not name it', async () => {
    harness.answerBy((request, response) => answerError(request, response, 403, 'AccessDenied'));
    await send(keyless({}), { lentTo: ['*'] });
    expect(harness.seen).toHaveLength(1);
    expect(harness.seen[0]?.headers.authorization).toBeUndefined();
  });

  it("assumes a role with the tenant's id as external id, which no tenant can choose", async () => {
    sts.known.set('S3RVER', 'S3RVER');
    const assume_role = { role_arn: ROLE, endpoint: `http://127.0.0.1:${sts.port}` };
    expect(await send(own({ assume_role }), { lentTo: [TENANT] })).toMatchObject({ kind: 'delivered' });
    expect(sts.asked).toMatchObject([{ accessKeyId: 'S3RVER', form: { ExternalId: TENANT } }]);
  });
});

describe('S3: faulty identities', () => {
  const credentials = { access_key_id: 'a', secret_access_key: 'b' };
  it.each<[JsonObject, string]>([
    [
      { service_identity: true, credentials },
      'configuration.service_identity: cannot stand beside credentials',
    ],
    [{ assume_role: { role_arn: ROLE } }, 'configuration.assume_role: needs credentials or service_identity'],
    [
      { service_identity: true, assume_role: { role_arn: ROLE, external_id: 'x1' } },
      "configuration.assume_role.external_id: is the tenant's id",
    ],
    [
      { credentials, assume_role: { role_arn: 'archive' } },
      'configuration.assume_role.role_arn: does not have the right form',
    ],
    [
      { credentials, assume_role: { role_arn: ROLE, endpoint: 'http://169.254.169.254' } },
      'configuration.assume_role.endpoint: must not point to',
    ],
  ])('%j', (more, issue) => {
    const parsed = adapterFor({ guard: strictGuard() }).parse({ bucket: 'ordinances', ...more });
    const issues = parsed.ok ? [] : parsed.issues.map((one) => `${one.field}: ${one.issue}`);
    expect(issues.join('\n')).toContain(issue);
  });
});
