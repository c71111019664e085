import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Delivery, type LogLine, type Protocol, type Sender } from '../adapters/port';
import { type SenderKey } from '../adapters/senders';
import { type JsonObject } from '../kernel/json';
import { type DestinationId } from '../kernel/ids';
import { type RetryPolicy, retryPolicyOf } from '../kernel/retry-policy';
import { type DestinationCatalogue, type KnownDestination } from '../tenants/destination-catalogue';
import { overlay } from '../tenants/destination-configuration';
import { type OpenParts, openSender } from '../tenants/destination-sender';
import { type SigningSecrets } from '../tenants/signing-secrets';
import { type Content, contentOf, type ContentParts } from '../transforms/content';
import { type ClaimedDelivery } from './claim';
import { type Decision, effectivePolicy, EXPIRED, type UnsentCode } from './decide';
import { openPayload } from './discretion';

const compress = promisify(gzip);

export interface PrepareParts extends ContentParts, OpenParts {
  catalogue: Pick<DestinationCatalogue, 'byId'>;
  signingSecrets: Pick<SigningSecrets, 'valid'>;
  defaults: { retry: RetryPolicy; timeoutSeconds: number; maxTimeoutSeconds: number };
}

/** Ready to be sent, or settled already. */
export type Prepared =
  | {
      kind: 'send';
      key: SenderKey;
      open: () => Sender;
      delivery: Delivery;
      policy: RetryPolicy;
      timeoutMs: number;
    }
  | { kind: 'unsent'; decision: Decision; log?: LogLine[] };

const fail = (code: UnsentCode, message: string, log: LogLine[] = []): Prepared => ({
  kind: 'unsent',
  decision: { kind: 'fail', code, message, exhausted: false },
  log,
});

/** What speaks against sending before anything is opened: pure, from the claimed row alone. */
function settledBeforehand(claimed: ClaimedDelivery): Prepared | undefined {
  if (claimed.cancelled) return { kind: 'unsent', decision: { kind: 'cancel' } };
  if (claimed.expired) return { kind: 'unsent', decision: EXPIRED };
  if (claimed.destination.destination_id === null) return undefined;
  if (claimed.destination_version === null || claimed.destination_deleted) {
    return fail('DESTINATION_GONE', `the destination ${claimed.destination_name} was deleted`);
  }
  if (claimed.destination_status === 'inactive') {
    return fail('DESTINATION_INACTIVE', `the destination ${claimed.destination_name} is inactive`);
  }
  return undefined;
}

/** A claimed delivery -> an open sender and what it is to send. Reads nothing that is not in memory, as a rule. */
export async function prepare(parts: PrepareParts, claimed: ClaimedDelivery): Promise<Prepared> {
  const settled = settledBeforehand(claimed);
  if (settled !== undefined) return settled;
  const known = await knownOf(parts, claimed);
  const configuration = configurationOf(parts, claimed, known);
  if (configuration === undefined) {
    return fail('DESTINATION_GONE', `the destination ${claimed.destination_name} was deleted`);
  }
  const content = await contentOf(parts, claimed, known?.transform_config, openPayload(parts.box, claimed));
  if (!content.ok) {
    const log: LogLine[] = [{ level: 'error', message: `transformation failed: ${content.message}` }];
    return fail('TRANSFORMATION_FAILED', content.message, log);
  }
  const { defaults } = parts;
  return {
    kind: 'send',
    key: senderKey(claimed),
    open: () => openSender(parts, claimed.tenant_id, claimed.destination.protocol as Protocol, configuration),
    delivery: await deliveryOf(parts, claimed, content),
    policy: effectivePolicy(retryPolicyOf(configuration), claimed.destination.max_attempts, {
      ...defaults.retry,
      maxAttempts: claimed.max_retries + 1,
    }),
    timeoutMs:
      1000 * Math.min(timeoutOf(configuration, claimed, defaults.timeoutSeconds), defaults.maxTimeoutSeconds),
  };
}

/** The registered destination as it is today; undefined for one that lives in this job only. */
async function knownOf(
  { catalogue }: PrepareParts,
  { tenant_id, destination, destination_version }: ClaimedDelivery,
): Promise<KnownDestination | undefined> {
  if (destination.destination_id === null) return undefined;
  return catalogue.byId(tenant_id, destination.destination_id as DestinationId, destination_version ?? 1);
}

/** The registered configuration of today, under the inline fields of the job; secrets still sealed. */
function configurationOf(
  { adapters }: PrepareParts,
  { destination }: ClaimedDelivery,
  known: KnownDestination | undefined,
): JsonObject | undefined {
  if (destination.destination_id === null) return destination.inline ?? undefined;
  if (known === undefined || destination.inline === null) return known?.configuration;
  const schema = adapters.get(destination.protocol as Protocol)?.configurationSchema ?? {};
  return overlay(known.configuration, destination.inline, schema);
}

/** Attempts of one destination share a sender; inline fields make it another destination. */
function senderKey({ tenant_id, destination, destination_version }: ClaimedDelivery): SenderKey {
  const inline = destination.inline === null ? '' : digest(destination.inline);
  return {
    tenantId: tenant_id,
    destination: `${destination.destination_id ?? destination.protocol}/${inline}`,
    version: destination_version ?? 1,
  };
}

const digest = (value: JsonObject): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url');

async function deliveryOf(
  { signingSecrets }: PrepareParts,
  claimed: ClaimedDelivery,
  content: Extract<Content, { ok: true }>,
): Promise<Delivery> {
  const zipped = claimed.options['compression'] === 'gzip';
  const body = zipped ? await compress(content.body) : Buffer.from(content.body);
  return new PreparedDelivery(claimed, content, body, await signingSecrets.valid(claimed.tenant_id));
}

/** The payload is parsed when somebody asks; by a getter in a literal every delivery would have a shape of its own. */
class PreparedDelivery implements Delivery {
  readonly deliveryId = this.claimed.delivery_id;
  readonly attemptNumber = this.claimed.attempt_number;
  readonly tenantId = this.claimed.tenant_id;
  readonly distributionId = this.claimed.distribution_id;
  readonly destinationName = this.claimed.destination_name;
  readonly dataType = this.claimed.data_type;
  readonly correlationId = this.claimed.correlation_id;
  readonly traceparent = textOf(this.claimed.options['traceparent']);
  readonly acceptedAt = this.claimed.accepted_at;
  readonly contentType = this.content.contentType;
  readonly contentEncoding = this.claimed.options['compression'] === 'gzip' ? 'gzip' : undefined;

  constructor(
    private readonly claimed: ClaimedDelivery,
    private readonly content: Extract<Content, { ok: true }>,
    readonly body: Buffer,
    readonly signingSecrets: readonly string[],
  ) {}

  get payload(): JsonObject {
    return this.content.payload();
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function timeoutOf(configuration: JsonObject, { options }: ClaimedDelivery, fallback: number): number {
  const own = configuration['timeout_seconds'] ?? options['timeout_seconds'];
  return typeof own === 'number' ? own : fallback;
}
