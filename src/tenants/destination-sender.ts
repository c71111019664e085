import { type Adapter, type Protocol, type Sender } from '../adapters/port';
import { mapSecrets, resolveEnv } from '../adapters/secrets';
import { type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { destinationPlace } from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';

export interface OpenParts {
  adapters: ReadonlyMap<Protocol, Adapter>;
  box: SecretBox;
  env: { allowed: readonly string[]; values: NodeJS.ProcessEnv };
}

/** Unseals the secrets and opens the way; a configuration that cannot be used gives a sender that says so. */
export function openSender(
  parts: OpenParts,
  tenantId: TenantId,
  protocol: Protocol,
  sealed: JsonObject,
): Sender {
  const adapter = parts.adapters.get(protocol);
  if (adapter === undefined) return unusable(`this version has no adapter for ${protocol}`);
  const schema = adapter.configurationSchema;
  const opened = mapSecrets(sealed, schema, (secret) => parts.box.open(secret, destinationPlace(tenantId)));
  const resolved = resolveEnv(opened, schema, parts.env.allowed, parts.env.values);
  const parsed = resolved.ok ? adapter.parse(resolved.value) : resolved;
  if (parsed.ok) return adapter.open(parsed.value, tenantId);
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
