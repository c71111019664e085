import { newId, type DeliveryId, type DistributionId, type TenantId } from '../../src/kernel/ids';
import { type JsonObject } from '../../src/kernel/json';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Delivery, type Protocol } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { type Report } from '../report';

/** One way of delivering; `deliver` rejects when the receiver did not take it. */
export interface Way {
  deliver(delivery: Delivery): Promise<void>;
  close(): Promise<void>;
}

/** The adapter's sender against bare client libraries that do the same work at the same server. */
export interface Contest {
  figure: string;
  /** Deliveries under way at a time, the same for every way. */
  concurrency: number;
  adapter: Way;
  /** The first one is the baseline: the library that the adapter uses. */
  bare: [string, Way][];
  /** Between two measurements, so that no way finds more in the server than another. */
  tidy?: () => Promise<void>;
}

const ROUNDS = 3;
const SECONDS = 2;
const WARM_UP_SECONDS = 1;

/** About 1 KB, the shape of the report that MS07 distributes. */
const PAYLOAD: JsonObject = {
  report_id: 'RPT-2026-000123',
  title: 'Monthly report on administrative acts',
  period: { from: '2026-10-01', to: '2026-10-31' },
  data: Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`metric_${index}`, index * 1234.5])),
  notes: 'x'.repeat(300),
};
const BODY = Buffer.from(JSON.stringify(PAYLOAD));
const SIGNING_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const newDelivery = (): Delivery => ({
  deliveryId: newId<DeliveryId>(),
  attemptNumber: 1,
  tenantId: 'bench' as TenantId,
  distributionId: 'dist-2026-1' as DistributionId,
  destinationName: 'archive',
  dataType: 'report',
  correlationId: 'corr-1',
  traceparent: undefined,
  acceptedAt: new Date('2026-03-09T10:11:12Z'),
  body: BODY,
  contentType: 'application/json',
  contentEncoding: undefined,
  payload: PAYLOAD,
  signingSecrets: [SIGNING_SECRET],
});

/** The sender as deliveries use it: configuration parsed, behind the network guard, under a signal. */
export function adapterWay(protocol: Protocol, configuration: JsonObject): Way {
  const guard = new NetworkGuard(['127.0.0.0/8', '::1/128']);
  const adapter = createAdapters({ guard, version: 'bench' }).get(protocol);
  const parsed = adapter?.parse(configuration);
  if (adapter === undefined || parsed?.ok !== true) throw new Error(JSON.stringify(parsed));
  const sender = adapter.open(parsed.value);
  const { signal } = new AbortController();
  return {
    deliver: async (delivery) => {
      const outcome = await sender.deliver(delivery, signal);
      if (outcome.kind !== 'delivered') throw new Error(`${protocol}: ${outcome.code} ${outcome.message}`);
    },
    close: () => sender.close(),
  };
}

/** Measures all ways in turn, several times over, and reports the medians with their ratios to the first bare one. */
export async function run({ figure, concurrency, adapter, bare, tidy }: Contest, report: Report) {
  const ways: [string, Way][] = [...bare, ['adapter', adapter]];
  const rates = new Map(ways.map(([name]) => [name, [] as number[]]));
  for (const [, way] of ways) await rate(way, concurrency, WARM_UP_SECONDS);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, way] of ways) {
      await tidy?.();
      rates.get(name)?.push(await rate(way, concurrency, SECONDS));
    }
  }
  await Promise.all(ways.map(([, way]) => way.close()));
  const median = (name: string): number => middle(rates.get(name) ?? []);
  const baseline = bare[0]?.[0] ?? '';
  for (const [name] of ways) {
    const value = median(name);
    const against = { baseline, baseline_value: median(baseline), ratio: value / median(baseline) };
    const own = name === 'adapter' ? figure : `${figure}_${name}`;
    report({ scenario: 'adapters', figure: own, value, unit: '/s', ...(name === baseline ? {} : against) });
  }
}

async function rate(way: Way, concurrency: number, seconds: number): Promise<number> {
  const started = performance.now();
  const until = started + seconds * 1000;
  let done = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      await way.deliver(newDelivery());
      done++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return done / ((performance.now() - started) / 1000);
}

const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
