import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Adapter, type Delivery, type Protocol, type Sender } from '../adapters/port';
import { mapSecrets, resolveEnv } from '../adapters/secrets';
import { type SenderKey } from '../adapters/senders';
import { isJsonObject, type JsonObject } from '../kernel/json';
import { type DestinationId } from '../kernel/ids';
import { type RetryPolicy } from '../kernel/retry-policy';
import { type SecretBox } from '../kernel/secret-box';
import { destinationPlace, payloadPlace } from '../kernel/places';
import { type DestinationCatalogue } from '../tenants/destination-catalogue';
import { overlay } from '../tenants/destination-configuration';
import { type SigningSecrets } from '../tenants/signing-secrets';
import { type ClaimedDelivery } from './claim';
import { type Decision, effectivePolicy } from './decide';

const compress = promisify(gzip);

export interface PrepareParts {
  catalogue: DestinationCatalogue;
  signingSecrets: SigningSecrets;
  adapters: ReadonlyMap<Protocol, Adapter>;
  box: SecretBox;
  env: { allowed: readonly string[]; values: NodeJS.ProcessEnv };
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
  | { kind: 'unsent'; decision: Decision };

const MAINTENANCE_SECONDS = 60;

const fail = (code: 'DESTINATION_GONE' | 'DESTINATION_INACTIVE' | 'EXPIRED', message: string): Prepared => ({
  kind: 'unsent',
  decision: { kind: 'fail', code, message, exhausted: false },
});

/** What speaks against sending before anything is opened: pure, from the claimed row alone. */
export function settledBeforehand(claimed: ClaimedDelivery): Prepared | undefined {
  if (claimed.cancelled) return { kind: 'unsent', decision: { kind: 'cancel' } };
  if (claimed.expired) return fail('EXPIRED', 'the job expired before this destination took it');
  if (claimed.destination.destination_id === null) return undefined;
  if (claimed.destination_version === null || claimed.destination_deleted) {
    return fail('DESTINATION_GONE', `the destination ${claimed.destination_name} was deleted`);
  }
  if (claimed.destination_status === 'inactive') {
    return fail('DESTINATION_INACTIVE', `the destination ${claimed.destination_name} is inactive`);
  }
  if (claimed.destination_status === 'maintenance') {
    const reason = `the destination ${claimed.destination_name} is in maintenance`;
    return { kind: 'unsent', decision: { kind: 'postpone', afterSeconds: MAINTENANCE_SECONDS, reason } };
  }
  return undefined;
}

/** A claimed delivery -> an open sender and what it is to send. Reads nothing that is not in memory, as a rule. */
export async function prepare(parts: PrepareParts, claimed: ClaimedDelivery): Promise<Prepared> {
  const settled = settledBeforehand(claimed);
  if (settled !== undefined) return settled;
  const configuration = await configurationOf(parts, claimed);
  if (configuration === undefined) {
    return fail('DESTINATION_GONE', `the destination ${claimed.destination_name} was deleted`);
  }
  const { defaults } = parts;
  return {
    kind: 'send',
    key: senderKey(claimed),
    open: () => openSender(parts, claimed, configuration),
    delivery: await deliveryOf(parts, claimed),
    policy: effectivePolicy(retryPolicyOf(configuration), claimed.destination.max_attempts, {
      ...defaults.retry,
      maxAttempts: claimed.max_retries + 1,
    }),
    timeoutMs:
      1000 * Math.min(timeoutOf(configuration, claimed, defaults.timeoutSeconds), defaults.maxTimeoutSeconds),
  };
}

/** The registered configuration of today, under the inline fields of the job; secrets still sealed. */
async function configurationOf(
  { catalogue, adapters }: PrepareParts,
  { tenant_id, destination, destination_version }: ClaimedDelivery,
): Promise<JsonObject | undefined> {
  if (destination.destination_id === null) return destination.inline ?? undefined;
  const id = destination.destination_id as DestinationId;
  const known = await catalogue.byId(tenant_id, id, destination_version ?? 1);
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

/** Unseals the secrets and opens the way; a configuration that cannot be used gives a sender that says so. */
function openSender(
  parts: PrepareParts,
  { destination, tenant_id }: ClaimedDelivery,
  sealed: JsonObject,
): Sender {
  const adapter = parts.adapters.get(destination.protocol as Protocol);
  if (adapter === undefined) return unusable(`this version has no adapter for ${destination.protocol}`);
  const schema = adapter.configurationSchema;
  const opened = mapSecrets(sealed, schema, (secret) => parts.box.open(secret, destinationPlace(tenant_id)));
  const resolved = resolveEnv(opened, schema, parts.env.allowed, parts.env.values);
  const parsed = resolved.ok ? adapter.parse(resolved.value) : resolved;
  if (parsed.ok) return adapter.open(parsed.value);
  return unusable(parsed.issues.map(({ field, issue }) => `${field} ${issue}`).join('; '));
}

function unusable(message: string): Sender {
  const code = 'CONFIGURATION_INVALID';
  return {
    deliver: async () => ({ kind: 'refused', code, message, response: undefined, bytesSent: 0, log: [] }),
    checkHealth: async () => ({ status: 'unhealthy', latencyMs: 0, code, message }),
    close: async () => undefined,
  };
}

async function deliveryOf(
  { box, signingSecrets }: PrepareParts,
  claimed: ClaimedDelivery,
): Promise<Delivery> {
  const json = openPayload(box, claimed);
  const zipped = claimed.options['compression'] === 'gzip';
  const traceparent = claimed.options['traceparent'];
  return {
    deliveryId: claimed.delivery_id,
    attemptNumber: claimed.attempt_number,
    tenantId: claimed.tenant_id,
    distributionId: claimed.distribution_id,
    destinationName: claimed.destination_name,
    dataType: claimed.data_type,
    correlationId: claimed.correlation_id,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    acceptedAt: claimed.accepted_at,
    body: zipped ? await compress(json) : Buffer.from(json),
    contentType: 'application/json',
    contentEncoding: zipped ? 'gzip' : undefined,
    get payload() {
      return JSON.parse(json) as JsonObject;
    },
    signingSecrets: await signingSecrets.valid(claimed.tenant_id),
  };
}

function openPayload(box: SecretBox, { payload, tenant_id, options }: ClaimedDelivery): string {
  if (options['encryption_required'] !== true) return payload;
  const { $sealed } = JSON.parse(payload) as { $sealed: string };
  return box.open($sealed, payloadPlace(tenant_id));
}

function timeoutOf(configuration: JsonObject, { options }: ClaimedDelivery, fallback: number): number {
  const own = configuration['timeout_seconds'] ?? options['timeout_seconds'];
  return typeof own === 'number' ? own : fallback;
}

function retryPolicyOf(configuration: JsonObject): Partial<RetryPolicy> {
  const policy = configuration['retry_policy'];
  if (!isJsonObject(policy)) return {};
  const number = (name: string): number | undefined => {
    const value = policy[name];
    return typeof value === 'number' ? value : undefined;
  };
  const entries: [keyof RetryPolicy, number | undefined][] = [
    ['maxAttempts', number('max_attempts')],
    ['initialDelaySeconds', number('initial_delay_seconds')],
    ['backoffMultiplier', number('backoff_multiplier')],
    ['maxBackoffSeconds', number('max_backoff_seconds')],
  ];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
