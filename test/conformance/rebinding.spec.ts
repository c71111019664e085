import { type JsonObject } from '../../src/kernel/json';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Outcome, type Sender } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { INSIDE } from '../support/addresses-inside';
import { securityFigure } from '../support/security-figures';
import { AmqpHarness } from './amqp-harness';
import { EmailHarness } from './email-harness';
import { delivery, lenientGuard, type ProtocolHarness, RECEIVER_NAME, strictGuard } from './harness';
import { PostgresqlEngine } from './jdbc-engines';
import { JdbcHarness } from './jdbc-harness';
import { RestHarness } from './rest-harness';
import { S3Harness } from './s3-harness';
import { SftpHarness } from './sftp-harness';

const HARNESSES: ProtocolHarness[] = [
  new RestHarness(),
  new AmqpHarness(),
  new JdbcHarness(new PostgresqlEngine()),
  new S3Harness(),
  new SftpHarness(),
  new EmailHarness(),
];

const patient = (): AbortSignal => AbortSignal.timeout(20_000);

function adapterOf({ protocol }: ProtocolHarness, guard: NetworkGuard) {
  const adapter = createAdapters({ guard, version: '1' }).get(protocol);
  if (adapter === undefined) throw new Error(`no adapter of ${protocol}`);
  return adapter;
}

function open(harness: ProtocolHarness, configuration: JsonObject, guard: NetworkGuard): Sender {
  const parsed = adapterOf(harness, guard).parse(configuration);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return adapterOf(harness, guard).open(parsed.value);
}

/** A name server that gives the allowed address once and afterwards one inside. Only this guard knows the name at all. */
function rebinding(): { guard: NetworkGuard; asked: () => number } {
  let asked = 0;
  const guard = new NetworkGuard(['127.0.0.1/32'], async (name) => {
    expect(name).toBe(RECEIVER_NAME);
    return [{ address: asked++ === 0 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
  });
  return { guard, asked: () => asked };
}

/** A connection that was lost may cost one attempt before a new one is opened. */
async function afterTheLoss(sender: Sender): Promise<Outcome> {
  const lost = await sender.deliver(delivery(), patient());
  return lost.kind === 'retry' ? sender.deliver(delivery(), patient()) : lost;
}

it('every protocol is tried', () => {
  const registered = [...createAdapters({ guard: lenientGuard(), version: '1' }).keys()];
  expect(HARNESSES.map(({ protocol }) => protocol).sort()).toEqual(registered.sort());
});

describe.each(HARNESSES.map((harness) => [harness.protocol, harness] as const))(
  '%s',
  (_protocol, harness) => {
    beforeAll(async () => {
      await harness.start();
      await harness.behave('accept');
    });
    afterAll(() => harness.stop());

    it('connects to the address that was checked, and checks again for each connection', async () => {
      const { guard, asked } = rebinding();
      const sender = open(harness, harness.good(), guard);
      try {
        expect(await sender.deliver(delivery(), patient())).toMatchObject({ kind: 'delivered' });
        expect(asked()).toBe(1);
        await harness.disappear();
        await harness.comeBack();
        const before = harness.connections();
        const outcome = await afterTheLoss(sender);
        expect(outcome).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN' });
        expect(JSON.stringify(outcome)).not.toContain('169.254');
        expect(await sender.checkHealth(patient())).toMatchObject({ code: 'NETWORK_FORBIDDEN' });
        expect(harness.connections()).toBe(before);
        securityFigure('rebindings_refused', 2);
      } finally {
        await sender.close();
      }
    });

    it.each(INSIDE)('cannot be configured with the host %j', (host) => {
      expect(adapterOf(harness, strictGuard()).parse(harness.withHost(host)).ok).toBe(false);
      securityFigure('address_spellings_refused', 1);
    });
  },
);
