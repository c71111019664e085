import { createHash } from 'node:crypto';
import { type Adapter, type Delivery, type Outcome } from '../adapters/port';
import { mapSecrets } from '../adapters/secrets';
import { type Senders } from '../adapters/senders';
import { type DeliveryId, type DistributionId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { destinationPlace } from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';
import { type SigningSecrets } from '../tenants/signing-secrets';
import { type CallbackMessage } from './body';
import { type ClaimedWebhook } from './claim';
import { refused } from './dispatcher';

export interface WebhookParts {
  signingSecrets: SigningSecrets;
  senders: Senders;
  /** A callback goes out as a REST delivery does: guarded, signed, classified. */
  rest: Adapter;
  box: SecretBox;
}

const TIMEOUT_MS = 30_000;

/** Callbacks to the address that the submitter gave. */
export class Webhooks {
  constructor(private readonly parts: WebhookParts) {}

  async send(claimed: ClaimedWebhook, message: CallbackMessage, signal: AbortSignal): Promise<Outcome> {
    const { rest, box, senders } = this.parts;
    const configuration = { endpoint: claimed.callback_url, headers: message.headers };
    const key = {
      tenantId: claimed.tenant_id,
      destination: `callback/${createHash('sha256').update(JSON.stringify(configuration)).digest('base64url')}`,
      version: 1,
    };
    const opened = mapSecrets(configuration, rest.configurationSchema, (secret) =>
      box.open(secret, destinationPlace(claimed.tenant_id)),
    );
    const parsed = rest.parse(opened);
    if (!parsed.ok) return refused(parsed.issues.map(({ field, issue }) => `${field} ${issue}`).join('; '));
    const delivery = await this.deliveryOf(claimed, message);
    return senders.use(
      key,
      () => rest.open(parsed.value),
      (sender) => sender.deliver(delivery, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])),
    );
  }

  private async deliveryOf(claimed: ClaimedWebhook, { subject, body }: CallbackMessage): Promise<Delivery> {
    return {
      deliveryId: claimed.id as string as DeliveryId,
      attemptNumber: claimed.attempts + 1,
      tenantId: claimed.tenant_id,
      distributionId: subject.distributionId as DistributionId,
      destinationName: 'callback',
      dataType: subject.dataType,
      correlationId: subject.correlationId,
      traceparent: undefined,
      acceptedAt: claimed.created_at,
      body: Buffer.from(JSON.stringify(body)),
      contentType: 'application/json',
      contentEncoding: undefined,
      payload: body as JsonObject,
      signingSecrets: await this.parts.signingSecrets.valid(claimed.tenant_id),
    };
  }
}
