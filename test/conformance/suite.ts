import { type JsonObject } from '../../src/kernel/json';
import { type Delivery, type Outcome, type Sender } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { mask, secretPaths } from '../../src/adapters/secrets';
import { type NetworkGuard } from '../../src/adapters/network-guard';
import {
  type CaseName,
  delivery,
  lenientGuard,
  type ProtocolHarness,
  RECEIVER_NAME,
  sha256,
  strictGuard,
} from './harness';

/** Long enough for anything that should happen; what should not, ends by a shorter signal. */
const PATIENT_MS = 20_000;
const LARGE_BYTES = 20 * 1024 * 1024;

const HOSTILE_NAMES = [
  '../../../etc/passwd',
  '..',
  '.',
  '',
  '/absolute',
  'a/b\\c',
  'x\r\nEvil: 1',
  'nul\0byte',
  `'; DROP TABLE jobs; --`,
  '"quoted"',
  'città è più 日本 🜚',
  '%2e%2e%2f',
  '{tenant_id}',
  'half \ud800 pair',
];

const patient = (): AbortSignal => AbortSignal.timeout(PATIENT_MS);

/** What every adapter promises, against a real server of its protocol. */
export function describeConformance(harness: ProtocolHarness): void {
  const opened: Sender[] = [];

  const adapterFor = (guard: NetworkGuard) => {
    const adapter = createAdapters({ guard, version: '0.0.0-test' }).get(harness.protocol);
    if (adapter === undefined) throw new Error(`No adapter is registered for ${harness.protocol}`);
    return adapter;
  };

  /** The issues of a configuration, as `field: issue`; empty when it is accepted. */
  const issuesOf = (configuration: JsonObject, guard = lenientGuard()): string[] => {
    const parsed = adapterFor(guard).parse(configuration);
    return parsed.ok ? [] : parsed.issues.map(({ field, issue }) => `${field}: ${issue}`);
  };

  const open = (configuration: JsonObject, guard = lenientGuard()): Sender => {
    const adapter = adapterFor(guard);
    const parsed = adapter.parse(configuration);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    const sender = adapter.open(parsed.value);
    opened.push(sender);
    return sender;
  };

  const deliverOnce = (configuration: JsonObject, changes: Partial<Delivery> = {}): Promise<Outcome> =>
    open(configuration).deliver(delivery(changes), patient());

  /** A case, unless the harness says why this protocol or server has no such thing. */
  const itMay = (name: CaseName, run: () => Promise<void>): void => {
    if (harness.notApplicable[name] === undefined) it(name, run);
  };

  beforeAll(() => harness.start());
  afterAll(() => harness.stop());
  beforeEach(async () => {
    await harness.behave('accept');
    await harness.arrivals();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((sender) => sender.close()));
  });

  describe(`${harness.protocol}: the way of a delivery`, () => {
    it('arrives whole, once, with its id', async () => {
      const sent = delivery();
      const outcome = await open(harness.good()).deliver(sent, patient());
      expect(outcome).toMatchObject({ kind: 'delivered' });
      expect(outcome.bytesSent).toBeGreaterThanOrEqual(sent.body.length);
      expect(await harness.arrivals()).toMatchObject([
        { id: sent.deliveryId, bytes: sent.body.length, sha256: sha256(sent.body) },
      ]);
    });

    it('has no second effect when it is repeated', async () => {
      const sent = delivery();
      const sender = open(harness.good());
      await sender.deliver(sent, patient());
      const repeated = await sender.deliver({ ...sent, attemptNumber: 2 }, patient());
      expect(repeated.kind).toBe('delivered');
      expect(await harness.effects()).toBe(1);
    });

    it('arrives beside many others over one sender', async () => {
      const sender = open(harness.good());
      const sent = Array.from({ length: 100 }, () => delivery());
      const outcomes = await Promise.all(sent.map((one) => sender.deliver(one, patient())));
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['delivered']));
      const ids = (await harness.arrivals()).map(({ id }) => id);
      expect(ids.sort()).toEqual(sent.map(({ deliveryId }) => deliveryId).sort());
    });

    it('keeps its connection from one delivery to the next', async () => {
      const sender = open(harness.good());
      await sender.deliver(delivery(), patient());
      const before = harness.connections();
      for (let i = 0; i < 8; i++) await sender.deliver(delivery(), patient());
      // A pool may open a second one while the first is still putting away the last answer.
      expect(harness.connections() - before).toBeLessThanOrEqual(1);
    });

    it('carries a large body without the process growing by more than four times its size', async () => {
      const sender = open(harness.good());
      await sender.deliver(delivery(), patient());
      const body = Buffer.alloc(LARGE_BYTES, 'large body ');
      const peak = watchMemory();
      const outcome = await sender.deliver(delivery({ body }), patient());
      const grown = peak();
      expect(outcome).toMatchObject({ kind: 'delivered' });
      expect((await harness.arrivals()).at(-1)).toMatchObject({ bytes: LARGE_BYTES, sha256: sha256(body) });
      expect(grown).toBeLessThan(4 * LARGE_BYTES);
    });
  });

  describe(`${harness.protocol}: what goes wrong`, () => {
    it('is tried again after a transient failure, and then arrives', async () => {
      await harness.behave('fail-for-now');
      const sender = open(harness.good());
      const sent = delivery();
      const failed = await sender.deliver(sent, patient());
      expect(failed).toMatchObject({ kind: 'retry', message: expect.stringMatching(/\w+/) as string });
      await harness.behave('accept');
      expect(await sender.deliver({ ...sent, attemptNumber: 2 }, patient())).toMatchObject({
        kind: 'delivered',
      });
    });

    itMay('refusal', async () => {
      await harness.behave('refuse');
      expect(await deliverOnce(harness.good())).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    });

    itMay('time-out while connecting', async () => {
      expect(await deliverOnce(harness.silent())).toMatchObject({
        kind: 'retry',
        code: 'TIMEOUT',
        bytesSent: 0,
      });
      const outcome = await open(harness.silent()).deliver(delivery(), AbortSignal.timeout(20));
      expect(outcome).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
    });

    itMay('time-out during transfer', async () => {
      await harness.behave('never-answer');
      const started = performance.now();
      const outcome = await open(harness.good()).deliver(delivery(), AbortSignal.timeout(300));
      expect(outcome).toMatchObject({ kind: 'retry', code: 'TIMEOUT' });
      expect(performance.now() - started).toBeLessThan(2000);
    });

    it('is ended at once by an abort, before and during the transfer', async () => {
      await harness.behave('never-answer');
      const sender = open(harness.good());
      const before = await sender.deliver(delivery(), AbortSignal.abort());
      expect(before).toMatchObject({ kind: 'retry', code: 'ABORTED', bytesSent: 0 });
      const controller = new AbortController();
      const received = harness.received();
      const during = sender.deliver(delivery(), controller.signal);
      await received;
      controller.abort();
      expect(await during).toMatchObject({ kind: 'retry', code: 'ABORTED' });
    });

    it('waits for a server that disappears and returns, over the same sender', async () => {
      const sender = open(harness.good());
      expect(await sender.deliver(delivery(), patient())).toMatchObject({ kind: 'delivered' });
      await harness.disappear();
      expect(await sender.deliver(delivery(), patient())).toMatchObject({
        kind: 'retry',
        code: 'CONNECTION_FAILED',
      });
      await harness.comeBack();
      expect(await sender.deliver(delivery(), patient())).toMatchObject({ kind: 'delivered' });
    });

    it('does not throw when the server disappears under way', async () => {
      await harness.behave('never-answer');
      const received = harness.received();
      const under = open(harness.good()).deliver(delivery(), patient());
      await received;
      await harness.disappear();
      expect(await under).toMatchObject({ kind: 'retry', code: 'CONNECTION_FAILED' });
      await harness.comeBack();
    });

    itMay('wrong credentials', async () => {
      const outcome = await deliverOnce(harness.wrongCredentials());
      expect(outcome).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
      expect(await harness.arrivals()).toEqual([]);
    });

    itMay('untrusted certificate', async () => {
      expect(await deliverOnce(harness.untrusted())).toMatchObject({ kind: 'retry', code: 'TLS_FAILED' });
      expect(await harness.arrivals()).toEqual([]);
    });

    it('of a name that does not exist is tried again', async () => {
      const outcome = await deliverOnce(harness.withHost('missing.test'));
      expect(outcome).toMatchObject({ kind: 'retry', code: 'NAME_RESOLUTION_FAILED' });
    });
  });

  describe(`${harness.protocol}: what must not be possible`, () => {
    it('to reach a forbidden network by a name, with a delivery or a health check', async () => {
      const before = harness.connections();
      const sender = open(harness.withHost(RECEIVER_NAME), strictGuard());
      const outcome = await sender.deliver(delivery(), patient());
      expect(outcome).toMatchObject({ kind: 'refused', code: 'NETWORK_FORBIDDEN', bytesSent: 0 });
      expect(JSON.stringify(outcome)).not.toContain('127.0.0.1');
      expect(await sender.checkHealth(patient())).toMatchObject({
        status: 'unhealthy',
        code: 'NETWORK_FORBIDDEN',
      });
      expect(harness.connections()).toBe(before);
    });

    it.each(['127.0.0.1', '0x7f.1', '[::1]', '169.254.169.254', 'localhost'])(
      'to configure %s as host',
      (host) => expect(issuesOf(harness.withHost(host), strictGuard()).join()).toContain('must not point to'),
    );

    itMay('hostile names', async () => {
      const sender = open(harness.templated());
      for (const name of HOSTILE_NAMES) {
        const outcome = await sender.deliver(delivery({ payload: { name } }), patient());
        const arrived = await harness.arrivals();
        if (outcome.kind === 'delivered') {
          expect(arrived.map((one) => one.name)).toEqual([name.replace(/\p{Surrogate}/gu, '\uFFFD')]);
        } else {
          expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
          expect(arrived).toEqual([]);
        }
      }
      const missing = await sender.deliver(delivery({ payload: { other: 1 } }), patient());
      expect(missing).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
    });

    it('to read a secret from an outcome, a log line, an issue or a masked configuration', async () => {
      const seen: unknown[] = [];
      const schema = adapterFor(lenientGuard()).configurationSchema;
      for (const behaviour of ['echo', 'refuse', 'fail-for-now'] as const) {
        if (behaviour === 'echo' && harness.notApplicable['echoed secrets'] !== undefined) continue;
        await harness.behave(behaviour);
        seen.push(await deliverOnce(harness.good()), await deliverOnce(harness.wrongCredentials()));
      }
      if (harness.notApplicable['echoed secrets'] === undefined) {
        expect(JSON.stringify(seen)).toContain('[secret]');
      }
      seen.push(await deliverOnce(harness.untrusted()), await deliverOnce(harness.withHost('missing.test')));
      seen.push(mask(harness.good(), schema), issuesOf({ ...harness.good(), unknown: harness.secrets() }));
      for (const secret of harness.secrets()) expect(JSON.stringify(seen)).not.toContain(secret);
      expect(secretPaths(schema)).not.toEqual([]);
    });
  });

  describe(`${harness.protocol}: configuration, health, end`, () => {
    it('names each faulty field and what to do', () => {
      expect(issuesOf(harness.good())).toEqual([]);
      for (const { configuration, field, issue } of harness.faulty()) {
        const issues = issuesOf(configuration);
        expect(issues).toContainEqual(expect.stringContaining(`${field}: `) as string);
        expect(issues.join('\n')).toContain(issue);
      }
    });

    it.each([[null], ['text'], [[]], [7]])('refuses %j as a configuration', (configuration) => {
      expect(adapterFor(lenientGuard()).parse(configuration).ok).toBe(false);
    });

    it('sees that the server is there, without an effect on it, and that it is not', async () => {
      const sender = open(harness.good());
      expect(await sender.checkHealth(patient())).toMatchObject({ status: 'healthy' });
      expect(await harness.arrivals()).toEqual([]);
      await harness.disappear();
      expect(await sender.checkHealth(patient())).toMatchObject({
        status: 'unhealthy',
        code: 'CONNECTION_FAILED',
      });
      await harness.comeBack();
    });

    it('says in a health check why it is unhealthy, and ends with its signal', async () => {
      const healthOf = (configuration: JsonObject) => open(configuration).checkHealth(patient());
      const reasons: [JsonObject, string, CaseName?][] = [
        [harness.withHost('missing.test'), 'NAME_RESOLUTION_FAILED'],
        [harness.wrongCredentials(), 'AUTHENTICATION_FAILED', 'refused health check'],
        [harness.untrusted(), 'TLS_FAILED', 'untrusted certificate'],
        [harness.silent(), 'TIMEOUT', 'time-out while connecting'],
      ];
      for (const [configuration, code, name] of reasons) {
        if (name !== undefined && harness.notApplicable[name] !== undefined) continue;
        expect(await healthOf(configuration)).toMatchObject({ status: 'unhealthy', code });
      }
      const started = performance.now();
      const ended = await open(harness.silent()).checkHealth(AbortSignal.timeout(50));
      expect(ended).toMatchObject({ status: 'unhealthy', code: 'TIMEOUT' });
      expect(performance.now() - started).toBeLessThan(2000);
      const aborted = await open(harness.good()).checkHealth(AbortSignal.abort());
      expect(aborted).toMatchObject({ status: 'unhealthy', code: 'ABORTED' });
      expect(await harness.arrivals()).toEqual([]);
    });

    it('closes twice without harm, after what is under way', async () => {
      const sender = open(harness.good());
      const under = sender.deliver(delivery(), patient());
      await Promise.all([sender.close(), sender.close()]);
      expect(await under).toMatchObject({ kind: 'delivered' });
      expect(await sender.deliver(delivery(), patient())).toMatchObject({ kind: 'retry', code: 'ABORTED' });
    });
  });
}

/** Samples how far the resident memory rises above now; the function it returns ends it, in bytes. */
function watchMemory(): () => number {
  const start = process.memoryUsage.rss();
  let peak = start;
  const sample = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, 5);
  return () => {
    clearInterval(timer);
    sample();
    return peak - start;
  };
}
