import { type Health, type Protocol, type Sender } from '../adapters/port';
import { isJsonObject, type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { type OpenParts, openSender } from '../tenants/destination-sender';

/** A destination as stored: secrets sealed. */
export interface Checkable {
  tenantId: TenantId;
  protocol: Protocol;
  configuration: JsonObject;
  healthCheck: JsonObject;
}

/**
 * Looks whether a destination is there, over a connection of its own that is closed again: a check neither waits
 * behind deliveries nor takes a connection from them, and it proves that the credentials of today work.
 */
export async function checkDestination(
  parts: OpenParts,
  destination: Checkable,
  signal: AbortSignal,
): Promise<Health> {
  const sender = probe(parts, destination);
  try {
    return await sender.checkHealth(signal);
  } finally {
    await sender.close();
  }
}

/** An endpoint of the check's own is asked by HTTP, whatever the protocol; it never gets another protocol's secrets. */
function probe(parts: OpenParts, { tenantId, protocol, configuration, healthCheck }: Checkable): Sender {
  const { endpoint } = healthCheck;
  if (endpoint === undefined) return openSender(parts, tenantId, protocol, configuration);
  if (protocol !== 'REST') return openSender(parts, tenantId, 'REST', { endpoint });
  const own = isJsonObject(configuration['health_check']) ? configuration['health_check'] : {};
  return openSender(parts, tenantId, 'REST', { ...configuration, health_check: { ...own, endpoint } });
}
