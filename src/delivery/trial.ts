import { type Delivery, type Health, type Outcome, type Protocol } from '../adapters/port';
import { Slots } from '../adapters/slots';
import { type DeliveryId, type DistributionId, newId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type OpenParts, openSender } from '../tenants/destination-sender';
import { type SigningSecrets } from '../tenants/signing-secrets';
import { contentOf, type ContentParts } from '../transforms/content';

/** A destination, stored or not yet; secrets sealed. */
export interface TrialDestination {
  tenantId: TenantId;
  name: string;
  protocol: Protocol;
  configuration: JsonObject;
  transformConfig: JsonObject;
}

/** What is to be sent; nothing that a job would not send. */
export interface Sample {
  dataType: string;
  payload: JsonObject | undefined;
}

export interface TrialParts extends OpenParts, ContentParts {
  signingSecrets: SigningSecrets;
}

export type TrialOutcome =
  | { kind: 'checked'; health: Health }
  | { kind: 'sent'; outcome: Outcome; delivery: Delivery; latencyMs: number }
  | { kind: 'untransformed'; message: string };

const MOST_PER_TENANT = 4;

/**
 * Tries a destination: looks at it, or delivers a sample to it, over a connection of its own that is closed again.
 * The way is that of a delivery (transform, signature, guard); no job, attempt or breaker knows of it.
 */
export class DestinationTrials {
  private readonly slots = new Map<TenantId, { slots: Slots; users: number }>();

  constructor(private readonly parts: TrialParts) {}

  /** Looks only: without an effect at the receiver. */
  check(destination: TrialDestination, signal: AbortSignal): Promise<TrialOutcome> {
    return this.open(destination, signal, async (sender) => ({
      kind: 'checked',
      health: await sender.checkHealth(signal),
    }));
  }

  /** A real delivery, with all that it does at the receiver. */
  async send(destination: TrialDestination, sample: Sample, signal: AbortSignal): Promise<TrialOutcome> {
    const prepared = await this.deliveryOf(destination, sample);
    if ('message' in prepared) return { kind: 'untransformed', message: prepared.message };
    const { delivery } = prepared;
    return this.open(destination, signal, async (sender) => {
      const started = performance.now();
      const outcome = await sender.deliver(delivery, signal);
      return { kind: 'sent', outcome, delivery, latencyMs: Math.round(performance.now() - started) };
    });
  }

  /** Few at a time for each tenant: a test is for people, and must not be a way to send past the limits. */
  private async open(
    { tenantId, protocol, configuration }: TrialDestination,
    signal: AbortSignal,
    work: (sender: ReturnType<typeof openSender>) => Promise<TrialOutcome>,
  ): Promise<TrialOutcome> {
    const entry = this.slots.get(tenantId) ?? { slots: new Slots(MOST_PER_TENANT), users: 0 };
    this.slots.set(tenantId, entry);
    entry.users++;
    try {
      return await entry.slots.use(signal, async () => {
        const sender = openSender(this.parts, tenantId, protocol, configuration);
        return work(sender).finally(() => sender.close());
      });
    } finally {
      if (--entry.users === 0) this.slots.delete(tenantId);
    }
  }

  private async deliveryOf(
    { tenantId, name, transformConfig }: TrialDestination,
    { dataType, payload = SAMPLE }: Sample,
  ): Promise<{ delivery: Delivery } | { message: string }> {
    const deliveryId = newId<DeliveryId>();
    const claimed = { tenant_id: tenantId, data_type: dataType, destination: NO_WISHES };
    const content = await contentOf(this.parts, claimed, transformConfig, JSON.stringify(payload));
    if (!content.ok) return { message: content.message };
    const delivery = {
      deliveryId,
      attemptNumber: 1,
      tenantId,
      distributionId: `test-${deliveryId}` as DistributionId,
      destinationName: name,
      dataType,
      correlationId: `test-${deliveryId}`,
      traceparent: undefined,
      acceptedAt: new Date(),
      body: Buffer.from(content.body),
      contentType: content.contentType,
      contentEncoding: undefined,
      payload: content.payload(),
      signingSecrets: await this.parts.signingSecrets.valid(tenantId),
    };
    return { delivery };
  }
}

/** A test has no job that could ask for a transform or filters of its own. */
const NO_WISHES = {
  delivery_id: '',
  name: '',
  protocol: '',
  destination_id: null,
  inline: null,
  transform: null,
  filters: null,
  max_attempts: null,
};

const SAMPLE: JsonObject = {
  test: true,
  message: 'A test delivery of a destination; no job belongs to it.',
  data: { id: 'sample-1', total: 42, name: 'Sample' },
};
